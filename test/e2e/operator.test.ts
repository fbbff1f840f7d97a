/** The views of an operator with kelpie: history, top, and the past of a topic. */
import { expect } from 'chai';
import type {
  ReadEventsRequest,
  WatchEventsRequest,
} from '../../gen/ts/kelpie/v1/event_service.js';
import { Event } from '../../gen/ts/kelpie/v1/event.js';
import { NodeState } from '../../gen/ts/kelpie/v1/node.js';
import { GapReason } from '../../gen/ts/kelpie/v1/stream.js';
import { type Kelpie, runKelpie, startKelpie } from '../support/process/cli.js';
import { type Kelpied, startKelpied } from '../support/process/kelpied.js';
import { startStandIn } from '../support/wire/stand-in.js';
import { say } from '../support/wire/frames.js';
import { Wire } from '../support/wire/wire.js';

const parsed = (line: string): Record<string, unknown> =>
  JSON.parse(line) as Record<string, unknown>;

describe('an operator', () => {
  let kelpied: Kelpied;
  let wire: Wire;
  /** Stops a kelpie that follows something, also if its test fails. */
  const following: Kelpie[] = [];

  before(async () => {
    kelpied = await startKelpied(['--drain-seconds', '0']);
    wire = new Wire(kelpied.endpoint);
  });
  after(async () => {
    wire.close();
    await kelpied.stop();
  });
  afterEach(async () => {
    await wire.leave();
    await Promise.all(following.splice(0).map((kelpie) => kelpie.stop()));
  });

  const kelpie = (...args: string[]) => runKelpie(args, kelpied.endpoint);
  const tell = (topic: string, text: string) =>
    wire.call('EventService.PublishEvents', { events: [say(topic, text)] });
  const start = (args: string[], endpoint = kelpied.endpoint): Kelpie => {
    const started = startKelpie(args, endpoint);
    following.push(started);
    return started;
  };

  describe('reads the history of a node', () => {
    /** A node that joins, changes twice and leaves. */
    const live = async (name: string): Promise<void> => {
      const { stream } = await wire.join(name, {
        role: 'NODE_ROLE_DOWNSTREAM',
        labels: { mode: 'bedwars', map: 'old' },
      });
      const changes = [
        { state: 'NODE_STATE_DRAINING', labels: { map: 'new', 'x\u001b[2J': '1' } },
        { state: 'NODE_STATE_READY' },
      ];
      for (const [index, change] of changes.entries()) {
        stream.send({ request_id: index + 1, update_own_node: { change } });
        await stream.answer(index + 1);
      }
      await stream.leave();
    };

    it('from its beginning to its end, with the changes and the oldest time of the history', async () => {
      await live('Full-Life');
      const { code, output, errors } = await kelpie('history', 'FULL-life');
      expect(errors).to.equal('');
      expect(code).to.equal(0);
      const [head = '', ...rest] = output.split('\n');
      expect(head.split(/ {2,}/)).to.deep.equal(['TIME', 'SEQUENCE', 'WHAT']);
      const rows = rest.slice(0, 4).map((line) => line.split(/ {2,}/));
      for (const [time, sequence] of rows) {
        expect(time).to.match(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
        expect(sequence).to.match(/^\d{16}$/);
      }
      expect(rows.map(([, , what]) => what)).to.deep.equal([
        'joined',
        // A terminal must not obey the text of a label.
        'changed: state READY → DRAINING, label map old → new, label x\\u001b[2J - → 1',
        'changed: state DRAINING → READY',
        'left: STOPPED',
      ]);
      expect(rest.slice(4).join('\n')).to.match(
        /^\nNothing older is known: history goes back to \d{4}-\S+Z \(sequence \d{16}\)\.$/,
      );
    });

    it('as JSON, one object a line, the reach of history last', async () => {
      await live('for-programs');
      const { code, output } = await kelpie('history', 'for-programs', '--json', '--since', '1h');
      expect(code).to.equal(0);
      const facts = output.split('\n').map(parsed);
      expect(facts.map(({ what }) => what)).to.deep.equal([
        'joined',
        'changed',
        'changed',
        'left',
        undefined,
      ]);
      expect(facts[2]?.['changes']).to.deep.equal({ state: { from: 'DRAINING', to: 'READY' } });
      expect(facts[3]).to.include({ reason: 'STOPPED' });
      expect(facts[4]).to.have.all.keys('kind', 'historySince', 'oldestSequence');
    });

    it('over many pages', async () => {
      const { stream } = await wire.join('restless');
      const CHANGES = 600;
      for (let change = 1; change <= CHANGES; change++) {
        const labels = { round: String(change) };
        stream.send({ request_id: change, update_own_node: { change: { labels } } });
        // Changes that wait at the same time are stored as one.
        await stream.answer(change);
      }
      const { output } = await kelpie('history', 'restless');
      const rounds = [...output.matchAll(/label round (\S+) → (\S+)$/gm)];
      expect(rounds.map(([, from, to]) => [from, to])).to.deep.equal(
        Array.from({ length: CHANGES }, (_, index) => [
          index === 0 ? '-' : String(index),
          String(index + 1),
        ]),
      );
    });

    it('with a line where events were lost, and without a made-up change across that line', async () => {
      const epoch = Buffer.alloc(16, 1);
      const cursor = (sequence: number) => ({ epoch, sequence, tag: 0 });
      const updated = (sequence: number, state: NodeState): Event =>
        Event.create({
          sequence,
          topic: 'nodes.holed',
          body: { $case: 'nodeUpdated', value: { node: { name: 'holed', state } } },
        });
      const lost = { lostAfter: cursor(2), resumesAt: cursor(5), reason: GapReason.TRIMMED };
      const pages = [
        {
          events: [updated(1, NodeState.READY), updated(2, NodeState.DRAINING)],
          cursor: cursor(2),
        },
        { events: [], cursor: cursor(5), gap: lost },
        { events: [updated(6, NodeState.READY)], cursor: cursor(9) },
      ];
      const readEvents = async ({ start: from, topics }: ReadEventsRequest) => {
        if (topics.length > 1) return { events: [] };
        const { place } = from ?? {};
        const after = place?.$case === 'after' ? place.value.sequence : 0;
        return pages.find((page) => page.cursor.sequence > after) ?? {};
      };
      const coordinator = await startStandIn({ head: cursor(9) }, { readEvents });
      try {
        const { code, output } = await runKelpie(['history', 'holed'], coordinator.endpoint);
        expect(code).to.equal(0);
        expect(
          output
            .split('\n')
            .slice(1, 5)
            .map((line) => line.split(/ {2,}/).at(-1)),
        ).to.deep.equal([
          'changed; what it was before is not in the history',
          'changed: state READY → DRAINING',
          '--- events were lost here: TRIMMED',
          'changed; what it was before is not in the history',
        ]);
      } finally {
        await coordinator.stop();
      }
    });

    it('of a node that joined before the oldest stored event', async () => {
      const short = await startKelpied(['--retention-entries', '5']);
      const mine = new Wire(short.endpoint);
      await mine.join('old-timer');
      const events = Array.from({ length: 5 }, (_, index) => say('fill', String(index)));
      await mine.call('EventService.PublishEvents', { events });
      const { code, output } = await runKelpie(['history', 'old-timer'], short.endpoint);
      expect(output).to.match(/^old-timer is there, and nothing happened to it; history goes back/);
      expect(code).to.equal(0);
      await mine.leave();
      mine.close();
      await short.stop();
    });

    it('of no node: ends with 1, and with 2 for an invalid name', async () => {
      await tell('chat.global', 'there is history');
      for (const [args, what] of [
        [['nobody'], 'node or player'],
        [['nobody', '--node'], 'node'],
      ] as const) {
        const { code, output, errors } = await kelpie('history', ...args);
        expect(errors).to.include(`nothing is known of a ${what} "nobody"; history goes back to 2`);
        expect({ code, output }).to.deep.equal({ code: 1, output: '' });
      }
      await live('gone');
      const lately = await kelpie('history', 'gone', '--since', '0s', '--json');
      expect(lately.errors).to.match(/"gone" in the time that was asked for/);
      expect(lately).to.include({ code: 1, output: '' });
      for (const typed of ['*', 'a.b', '>', 'two words']) {
        const { code, errors } = await kelpie('history', typed, '--node');
        expect(errors).to.include('cannot be the name of a node');
        expect(code).to.equal(2);
      }
      expect(await kelpie('history', '')).to.include({ code: 2, output: '' });
    });
  });

  describe('looks at the top', () => {
    /** A session whose window has room for one event, so that it falls behind. */
    const fallBehind = async (name: string, events: number): Promise<void> => {
      const window = { events: 1, bytes: 1 << 20 };
      const { stream } = await wire.join(name, { topics: [name], window });
      await tell(name, 'sent');
      await stream.next('event_batch');
      for (let event = 0; event < events; event++) await tell(name, 'waits');
    };

    it('once, if the output is no terminal: the sessions most behind come first', async () => {
      await wire.join('a-quick');
      await fallBehind('a-slow', 2);
      await fallBehind('slowest', 3);
      const { code, output, errors } = await kelpie('top');
      expect(errors).to.equal('');
      expect(code).to.equal(0);
      const lines = output.split('\n');
      expect(lines[0]).to.match(/^kelpied \d+\.\d+\.\d+\S*, network main, up \d/);
      expect(lines[1]).to.equal('nodes: 3, sessions here: 3');
      expect(lines[2]).to.match(/^journal: \d+ entries, \d+(\.\d)? (B|KiB)$/);
      const [head, ...rows] = lines.slice(4).map((line) => line.split(/ {2,}/));
      expect(head?.slice(0, 4)).to.deep.equal(['NODE', 'BEHIND', 'UNACKED', 'QUEUED']);
      expect(rows.map(([name]) => name)).to.deep.equal(['a-slow', 'slowest', 'a-quick']);
      const [, behind, unacknowledged] = rows[1] ?? [];
      expect(behind).to.equal('3');
      expect(unacknowledged)
        .to.match(/^\d+ B$/)
        .and.not.equal('0 B');
      expect(rows[2]?.slice(1, 3)).to.deep.equal(['0', '0 B']);
    });

    it('as JSON at each interval, with the rate since the last one, until it is interrupted', async () => {
      await fallBehind('slow', 1);
      const top = start(['top', '--json', '--interval', '0.1']);
      await top.line(/"entriesPerSecond":null/);
      const talk = setInterval(() => void tell('noise', 'noise'), 10);
      await top.line(/"entriesPerSecond":[1-9]/).finally(() => clearInterval(talk));
      expect(await top.stop('SIGINT')).to.equal(0);
      const [first] = top.lines.map(parsed);
      expect(first).to.have.nested.property('info.network', 'main');
      expect(first).to.have.nested.property('sessions[0].nodeName', 'slow');
      expect(first).to.have.nested.property('sessions[0].entriesBehind', '1');
      expect(top.errors()).to.equal('');
    });

    it('as JSON once with --once, with the reported load of nodes', async () => {
      const { stream } = await wire.join('tells', { role: 'NODE_ROLE_DOWNSTREAM' });
      stream.send({ request_id: 1, heartbeat: { load: { tps: 19.5 } } });
      await stream.answer(1);
      const { code, output } = await kelpie('top', '--json', '--once');
      expect(code).to.equal(0);
      expect(parsed(output)).to.have.nested.property('sessions[0].load.tps', 19.5);
    });

    it('over a restart of the coordinator, without a rate across it', async () => {
      let short = await startKelpied();
      const top = start(['top', '--json', '--interval', '0.1'], short.endpoint);
      try {
        await top.line(/"entriesPerSecond":0/);
        await short.kill();
        const before = top.lines.length;
        short = await startKelpied(['--port', String(short.port)]);
        const mine = new Wire(short.endpoint);
        const { coordinator_id: id } = await mine.call('CoordinatorService.GetInfo', {});
        mine.close();
        expect(await top.line(new RegExp(id))).to.include('"entriesPerSecond":null');
        expect(top.errors()).to.include('trying again');
        expect(before).to.be.greaterThan(0);
      } finally {
        await top.stop();
        await short.kill();
      }
    });

    it('not at an invalid interval', async () => {
      for (const text of ['0', '-1', 'often', '4000']) {
        const { code, errors } = await kelpie('top', '--interval', text);
        expect(errors).to.include('from 0.1 to 3600');
        expect(code).to.equal(2);
      }
    });
  });

  describe('begins a tail in the past', () => {
    it('with events of at most the given age', async () => {
      await tell('past', 'said just now');
      const tails = ['30s', '10m', '1h'].map((age) => start(['tail', 'past', '--since', age]));
      for (const tail of tails) expect(await tail.line(/said/)).to.match(/said just now$/);
    });

    it('by a request to the coordinator for exactly that age', async () => {
      const asked: (number | undefined)[] = [];
      const coordinator = await startStandIn(
        {},
        {
          async *watchEvents({ start: from }: WatchEventsRequest) {
            const { place } = from ?? {};
            asked.push(place?.$case === 'since' ? place.value.seconds : undefined);
            yield { frame: { $case: 'gap', value: { reason: GapReason.TRIMMED } } } as const;
          },
        },
      );
      try {
        for (const age of ['30s', '10m', '1h', '2d']) {
          const tail = start(['tail', 'past', '--since', age], coordinator.endpoint);
          await tail.line(/lost here/);
          await tail.stop();
        }
        // Later attempts continue after the gap.
        expect(asked.filter((seconds) => seconds !== undefined)).to.deep.equal([
          30, 600, 3600, 172_800,
        ]);
      } finally {
        await coordinator.stop();
      }
    });
  });
});
