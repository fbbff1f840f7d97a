import { performance } from 'node:perf_hooks';
import { expect } from 'chai';
import { Roster } from '../../../client/roster/roster.js';
import { Event, NodeLeaveReason } from '../../../gen/ts/kelpie/v1/event.js';
import { Node, NodeState, NodeRole } from '../../../gen/ts/kelpie/v1/node.js';
import { Gap, GapReason, type Row, Snapshot } from '../../../gen/ts/kelpie/v1/stream.js';
import { messageEvent } from '../../support/wire/messages.js';
import { until } from '../../support/until.js';

const GRACE_MS = 60_000;

function node(name: string, partial: Partial<Node> = {}): Node {
  const base = { name, displayName: name, role: NodeRole.DOWNSTREAM, state: NodeState.READY };
  return { ...Node.create(base), ...partial };
}

function row(sequence: number, value: Node): Row {
  return { sequence, resource: { $case: 'node', value } };
}

const cursor = { epoch: Buffer.alloc(16, 1), sequence: 100, tag: 1 };

/** The parts of a snapshot, one for each list of rows. */
function snapshot(...parts: Row[][]): Snapshot[] {
  return parts.map((rows, index) => ({
    cursor: index === 0 ? cursor : undefined,
    topics: index === 0 ? ['nodes.*'] : [],
    rows,
    complete: index === parts.length - 1,
  }));
}

function event(sequence: number, body: Event['body']): Event {
  return { ...Event.create({ sequence, topic: 'nodes.x' }), body };
}

const joined = (sequence: number, value: Node): Event =>
  event(sequence, { $case: 'nodeJoined', value: { node: value } });
const updated = (sequence: number, value: Node): Event =>
  event(sequence, { $case: 'nodeUpdated', value: { node: value } });
const left = (sequence: number, value: Node): Event =>
  event(sequence, { $case: 'nodeLeft', value: { node: value, reason: NodeLeaveReason.STOPPED } });

function gap(reason: GapReason): Gap {
  return { lostAfter: cursor, resumesAt: cursor, reason, topics: [] };
}

describe('a roster', () => {
  let roster: Roster;

  beforeEach(() => {
    roster = new Roster();
  });

  afterEach(() => roster.close());

  it('answers from its file until a coordinator has sent newer rows', async () => {
    apply(snapshot([row(2, node('gone')), row(3, node('lobby-1', { maxPlayers: 5 }))]));
    const next = new Roster();
    next.restore(roster.save());
    expect(next.nodes().map(({ name }) => name)).to.deep.equal(['gone', 'lobby-1']);
    expect([next.isStale('gone'), next.complete]).to.deep.equal([true, false]);
    // Another journal may count from lower numbers.
    next.applySnapshot({ cursor, topics: [], rows: [row(1, node('lobby-1'))], complete: true }, 5);
    expect(next.node('lobby-1')).to.include({ maxPlayers: undefined });
    expect([next.isStale('gone'), next.isStale('lobby-1')]).to.deep.equal([true, false]);
    await until(() => next.node('gone') === undefined);
    next.close();
  });

  it('reports each change, so that the client can save it', () => {
    let changes = 0;
    const watched = new Roster({ onChange: () => (changes += 1) });
    watched.applyEvent(joined(5, node('a')));
    watched.applyEvent(updated(4, node('a')));
    watched.applyEvent(left(6, node('a')));
    expect(changes).to.equal(2);
    watched.close();
  });

  const apply = (parts: Snapshot[], graceMs = GRACE_MS): void => {
    for (const part of parts) roster.applySnapshot(part, graceMs);
  };

  const names = (): string[] => roster.nodes().map(({ name }) => name);

  describe('of a snapshot', () => {
    it('has the rows of all its parts, by name', () => {
      apply(snapshot([row(5, node('c')), row(6, node('a'))], [], [row(7, node('b'))]));
      expect(names()).to.deep.equal(['a', 'b', 'c']);
    });

    it('is loaded when the complete part has come, and not before', async () => {
      let loaded = false;
      const loading = roster.loaded.then(() => (loaded = true));
      const [first, complete] = snapshot([row(5, node('a'))], [row(6, node('b'))]);
      apply(first ? [first] : []);
      await new Promise((resolve) => setImmediate(resolve));
      expect(loaded).to.equal(false);
      apply(complete ? [complete] : []);
      await loading;
      expect(names()).to.deep.equal(['a', 'b']);
    });

    it('is replaced by the next one when its complete part has come', () => {
      apply(snapshot([row(5, node('a')), row(6, node('b'))]));
      const [first, complete] = snapshot([row(7, node('c'))], [row(5, node('a'))]);
      apply(first ? [first] : []);
      expect(names()).to.deep.equal(['a', 'b', 'c']);
      apply(complete ? [complete] : []);
      expect(names()).to.deep.equal(['a', 'c']);
    });

    it('may be empty', async () => {
      apply(snapshot([row(5, node('a'))]));
      apply(snapshot([]));
      expect(names()).to.be.empty;
      await roster.loaded;
    });

    it('keeps a change that is newer than a row', () => {
      apply(snapshot([row(5, node('a'))]));
      roster.applyEvent(updated(9, node('a', { motd: 'new' })));
      apply(snapshot([row(5, node('a', { motd: 'old' }))]));
      expect(roster.node('a')?.motd).to.equal('new');
    });

    it('keeps a change that an event brought during the snapshot', () => {
      const [first, complete] = snapshot([row(5, node('a'))], [row(6, node('b'))]);
      apply(first ? [first] : []);
      roster.applyEvent(joined(120, node('c')));
      apply(complete ? [complete] : []);
      expect(names()).to.deep.equal(['a', 'b', 'c']);
    });

    it('ignores resources of unknown kinds', () => {
      apply(snapshot([{ sequence: 5, resource: undefined }, row(6, node('a'))]));
      expect(names()).to.deep.equal(['a']);
    });
  });

  describe('that follows events', () => {
    beforeEach(() => apply(snapshot([row(50, node('a')), row(120, node('b'))])));

    it('has nodes that join, as they are after each change, and not those that leave', () => {
      roster.applyEvent(joined(130, node('c')));
      roster.applyEvent(updated(131, node('a', { motd: 'changed' })));
      roster.applyEvent(left(132, node('b')));
      expect(names()).to.deep.equal(['a', 'c']);
      expect(roster.node('a')?.motd).to.equal('changed');
    });

    it('skips events that are older than the row of a snapshot', () => {
      roster.applyEvent(updated(110, node('b', { motd: 'older' })));
      roster.applyEvent(left(119, node('b')));
      roster.applyEvent(left(120, node('b')));
      expect(roster.node('b')?.motd).to.equal('');
    });

    it('ignores the leave of a node without a row', () => {
      roster.applyEvent(left(130, node('never-seen')));
      expect(names()).to.deep.equal(['a', 'b']);
    });

    it('ignores other events', () => {
      roster.applyEvent(messageEvent('hello', 'nodes.a', 130));
      roster.applyEvent(event(131, undefined));
      expect(names()).to.deep.equal(['a', 'b']);
    });
  });

  describe('asked', () => {
    beforeEach(() =>
      apply(
        snapshot([
          row(1, node('lobby-2', { labels: { game: 'lobby', eu: '1' } })),
          row(2, node('lobby-1', { labels: { game: 'lobby' } })),
          row(3, node('lobby-3', { labels: { game: 'lobby' }, state: NodeState.UNREACHABLE })),
          row(4, node('proxy-1', { labels: { game: 'lobby' }, role: NodeRole.PROXY })),
          row(5, node('arena', { labels: { game: 'bedwars' } })),
        ]),
      ),
    );

    it('finds a node by its name in any case', () => {
      expect(roster.node('LOBBY-1')?.name).to.equal('lobby-1');
      expect(roster.node('lobby-9')).to.equal(undefined);
    });

    it('finds the ready nodes of a role with all labels', () => {
      const ready = (labels?: Record<string, string>) =>
        roster.ready('DOWNSTREAM', labels).map(({ name }) => name);
      expect(ready()).to.deep.equal(['arena', 'lobby-1', 'lobby-2']);
      expect(ready({ game: 'lobby' })).to.deep.equal(['lobby-1', 'lobby-2']);
      expect(ready({ game: 'lobby', eu: '1' })).to.deep.equal(['lobby-2']);
      expect(ready({ game: 'lobby', eu: '2' })).to.be.empty;
      expect(roster.ready('PROXY').map(({ name }) => name)).to.deep.equal(['proxy-1']);
    });
  });

  describe('after the coordinator lost its history', () => {
    beforeEach(() => apply(snapshot([row(5, node('a')), row(6, node('b')), row(7, node('c'))])));

    it('keeps nodes that are not back yet, marked stale, for one grace time', async () => {
      roster.applyGap(gap(GapReason.EPOCH_CHANGED));
      expect(roster.isStale('a')).to.equal(true);
      const sinceMs = performance.now();
      apply(snapshot([row(1005, node('a'))]), 50);
      expect(names()).to.deep.equal(['a', 'b', 'c']);
      expect(['a', 'B', 'c', 'd'].filter((name) => roster.isStale(name))).to.deep.equal(['B', 'c']);

      await until(() => roster.node('b') === undefined);
      // By this clock a timer may fire a fraction of a millisecond early.
      expect(performance.now() - sinceMs).to.be.greaterThan(48);
      expect(names()).to.deep.equal(['a']);
    });

    it('keeps nodes that come back in that time', async () => {
      roster.applyGap(gap(GapReason.EPOCH_CHANGED));
      apply(snapshot([]), 20);
      roster.applyEvent(joined(1010, node('b', { motd: 'back' })));
      expect(roster.isStale('b')).to.equal(false);
      await until(() => roster.node('a') === undefined);
      expect(names()).to.deep.equal(['b']);
      expect(roster.node('b')?.motd).to.equal('back');
    });

    it('takes the rows of the new history, also with lower sequences', () => {
      roster.applyGap(gap(GapReason.EPOCH_CHANGED));
      apply(snapshot([row(2, node('a', { motd: 'new' })), row(3, node('b'))]));
      expect(roster.node('a')?.motd).to.equal('new');
      expect(['a', 'b', 'c'].filter((name) => roster.isStale(name))).to.deep.equal(['c']);
      roster.applyEvent(left(4, node('b')));
      expect(names()).to.deep.equal(['a', 'c']);
    });

    it('keeps the grace time of nodes that a later snapshot does not name', () => {
      roster.applyGap(gap(GapReason.EPOCH_CHANGED));
      apply(snapshot([row(1005, node('a'))]));
      roster.applyGap(gap(GapReason.TRIMMED));
      apply(snapshot([row(1005, node('a'))]));
      expect(names()).to.deep.equal(['a', 'b', 'c']);
    });

    it('removes nodes that leave in that time', () => {
      roster.applyGap(gap(GapReason.EPOCH_CHANGED));
      apply(snapshot([]));
      roster.applyEvent(left(1010, node('b')));
      expect(names()).to.deep.equal(['a', 'c']);
    });

    it('gives the grace time once: the next snapshot counts at once', () => {
      roster.applyGap(gap(GapReason.EPOCH_CHANGED));
      apply(snapshot([row(1005, node('a')), row(1006, node('b'))]));
      apply(snapshot([row(1005, node('a'))]));
      expect(roster.node('b')).to.equal(undefined);
    });

    it('takes a snapshot after any other gap at once', () => {
      for (const reason of [
        GapReason.TRIMMED,
        GapReason.HISTORY_REWRITTEN,
        GapReason.CURSOR_AHEAD,
      ]) {
        const one = new Roster();
        for (const part of snapshot([row(5, node('a'))])) one.applySnapshot(part, GRACE_MS);
        one.applyGap(gap(reason));
        const lower = reason === GapReason.TRIMMED ? 6 : 2;
        for (const part of snapshot([row(lower, node('b'))])) one.applySnapshot(part, GRACE_MS);
        expect(one.nodes().map(({ name }) => name)).to.deep.equal(['b']);
      }
    });
  });
});
