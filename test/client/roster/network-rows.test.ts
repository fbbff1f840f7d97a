/** The routing rules and the settings in a roster: gaps, new histories, and files. */
import { expect } from 'chai';
import { Roster } from '../../../client/roster/roster.js';
import { Event } from '../../../gen/ts/kelpie/v1/event.js';
import { Node } from '../../../gen/ts/kelpie/v1/node.js';
import { RoutingRule, type RoutingTable } from '../../../gen/ts/kelpie/v1/routing.js';
import { NetworkSettings } from '../../../gen/ts/kelpie/v1/settings.js';
import { Gap, GapReason, type Row, Snapshot } from '../../../gen/ts/kelpie/v1/stream.js';
import { FakeClock } from '../../support/clock/fake-clock.js';

const GRACE_MS = 60_000;
const cursor = { epoch: Buffer.alloc(16, 1), sequence: 100, tag: 1 };

const table = (name: string): RoutingTable => ({ rules: [RoutingRule.create({ name })] });
const settings = (text: string) =>
  NetworkSettings.create({ maintenance: true, maintenanceMessage: text });

function rows(sequence: number, text: string): Row[] {
  return [
    { sequence, resource: { $case: 'routing', value: table(text) } },
    { sequence, resource: { $case: 'settings', value: settings(text) } },
  ];
}

describe('the rules and the settings in a roster', () => {
  let clock: FakeClock;
  let roster: Roster;

  function open(): Roster {
    return new Roster({
      players: true,
      clock: Object.assign(clock, { random: () => 0 }),
    });
  }
  beforeEach(() => {
    clock = new FakeClock();
    roster = open();
  });
  afterEach(() => {
    roster.close();
    expect(clock.pending, 'timers').to.equal(0);
  });

  function snapshot(...parts: Row[]): void {
    const topics = [...roster.topics];
    roster.applySnapshot({ cursor, topics, rows: parts, complete: true }, GRACE_MS);
  }

  function change(sequence: number, text: string): void {
    const bodies: NonNullable<Event['body']>[] = [
      { $case: 'routingChanged', value: { table: table(text) } },
      { $case: 'settingsChanged', value: { settings: settings(text) } },
    ];
    for (const body of bodies) roster.applyEvent({ ...Event.create({ sequence }), body });
  }

  const gap = (reason: GapReason): void => roster.applyGap(Gap.create({ reason }));
  const shown = () => [
    roster.routing.map(({ name }) => name).join(),
    roster.settings.maintenanceMessage,
  ];

  it('are those of the newest event or row', () => {
    expect(shown()).to.deep.equal(['', '']);
    snapshot(...rows(5, 'a'));
    expect(shown()).to.deep.equal(['a', 'a']);
    change(7, 'b');
    change(6, 'older');
    expect(shown()).to.deep.equal(['b', 'b']);
    snapshot(...rows(5, 'a'));
    expect(shown(), 'the event is newer than the row').to.deep.equal(['b', 'b']);
  });

  it('are those of the Snapshot after a gap, and none if it has none', () => {
    for (const reason of [GapReason.TRIMMED, GapReason.HISTORY_REWRITTEN]) {
      snapshot(...rows(5, 'a'));
      gap(reason);
      expect(shown(), 'until the Snapshot').to.deep.equal(['a', 'a']);
      snapshot(...rows(9, 'b'));
      expect(shown()).to.deep.equal(['b', 'b']);
      gap(reason);
      snapshot();
      expect(shown()).to.deep.equal(['', '']);
    }
  });

  it('are taken with a lower sequence from a new history', () => {
    snapshot(...rows(50, 'a'));
    gap(GapReason.EPOCH_CHANGED);
    expect(shown()).to.deep.equal(['a', 'a']);
    snapshot(...rows(2, 'b'));
    expect(shown()).to.deep.equal(['b', 'b']);
    change(3, 'c');
    clock.advance(GRACE_MS);
    expect(shown()).to.deep.equal(['c', 'c']);
  });

  it('stay for a grace time if the new history has none', () => {
    snapshot(...rows(50, 'a'));
    gap(GapReason.EPOCH_CHANGED);
    snapshot();
    clock.advance(GRACE_MS - 1);
    expect(shown()).to.deep.equal(['a', 'a']);
    clock.advance(1);
    expect(shown()).to.deep.equal(['', '']);
  });

  it('come from a file until a coordinator has sent its own', () => {
    snapshot(...rows(50, 'a'));
    const bytes = roster.save();
    roster.close();
    roster = open();
    roster.restore(bytes);
    expect(shown()).to.deep.equal(['a', 'a']);
    snapshot(...rows(2, 'b'));
    expect(shown()).to.deep.equal(['b', 'b']);
    clock.advance(GRACE_MS);
    expect(shown()).to.deep.equal(['b', 'b']);
  });

  it('are none after a file of an older version, which has nodes alone', () => {
    const node = Node.create({ name: 'lobby', displayName: 'lobby' });
    const older = Snapshot.create({ topics: ['nodes.*'], complete: true });
    const resource = { $case: 'node', value: node } as const;
    roster.restore(Snapshot.encode({ ...older, rows: [{ sequence: 5, resource }] }).finish());
    expect(roster.nodes().map(({ name }) => name)).to.deep.equal(['lobby']);
    expect(shown()).to.deep.equal(['', '']);
    expect(roster.pick({ for: 'join' })).to.equal(undefined);
    snapshot(...rows(2, 'b'));
    expect(shown()).to.deep.equal(['b', 'b']);
    clock.advance(GRACE_MS);
  });
});
