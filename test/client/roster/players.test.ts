import { expect } from 'chai';
import { KelpieError } from '../../../client/index.js';
import { Roster } from '../../../client/roster/roster.js';
import { Event } from '../../../gen/ts/kelpie/v1/event.js';
import { Node } from '../../../gen/ts/kelpie/v1/node.js';
import { Player } from '../../../gen/ts/kelpie/v1/player.js';
import { GapReason, type Row } from '../../../gen/ts/kelpie/v1/stream.js';
import { thrownBy } from '../../support/thrown.js';
import { until } from '../../support/until.js';

const cursor = { epoch: Buffer.alloc(16, 1), sequence: 100, tag: 1 };

function player(id: string, partial: Partial<Player> = {}): Player {
  return { ...Player.create({ id, name: `Player ${id}`, proxy: 'gate-1' }), ...partial };
}

const row = (sequence: number, value: Player): Row => ({
  sequence,
  resource: { $case: 'player', value },
});

function event(sequence: number, body: Event['body']): Event {
  return { ...Event.create({ sequence, topic: 'players.x' }), body };
}

describe('the players of a roster', () => {
  let roster: Roster;

  function load(rows: Row[], graceMs = 60_000): void {
    const node: Row = {
      sequence: 1,
      resource: { $case: 'node', value: Node.create({ name: 'a' }) },
    };
    roster.applySnapshot({ cursor, topics: [], rows: [node, ...rows], complete: true }, graceMs);
  }

  const ids = () => roster.players().map(({ id }) => id);

  beforeEach(() => {
    roster = new Roster({ players: true });
    load([
      row(5, player('1', { server: 'lobby', name: 'Älva', generation: 1 })),
      row(6, player('2', { server: 'lobby', proxy: 'gate-2', uuid: 'ab', generation: 2 })),
      row(7, player('3', { name: 'älva', generation: 3 })),
    ]);
  });

  afterEach(() => roster.close());

  it('are in the roster beside the nodes, and only if the options ask for them', () => {
    expect(ids()).to.deep.equal(['1', '2', '3']);
    expect(roster.nodes()).to.have.length(1);
    expect(roster.topics).to.deep.equal(['nodes.*', 'players.*', 'routing', 'kelpie.settings']);
    const without = new Roster();
    expect(without.topics).to.deep.equal(['nodes.*', 'routing', 'kelpie.settings']);
    expect(thrownBy(KelpieError, () => without.playerCount()).reason).to.equal(
      'ROSTER_WITHOUT_PLAYERS',
    );
  });

  it('are found by id, XUID, UUID and name', () => {
    expect(roster.player({ id: '2' })?.id).to.equal('2');
    expect(roster.player({ xuid: '2' })?.id).to.equal('2');
    expect(roster.player({ uuid: 'AB' })?.id).to.equal('2');
    expect(roster.player({ name: 'älva' })?.id, 'an exact name wins').to.equal('3');
    const { reason, message } = thrownBy(KelpieError, () => roster.player({ name: 'ÄLVA' }));
    expect(reason).to.equal('PLAYER_AMBIGUOUS');
    expect(message).to.contain('Älva (1), älva (3)');
    expect(roster.player({ name: 'nobody' })).to.equal(undefined);
  });

  it('are counted in all, by proxy, by server, and by both, as they move and leave', () => {
    const counts = () => [
      roster.playerCount(),
      roster.playerCount({ proxy: 'GATE-1' }),
      roster.playerCount({ server: 'Lobby' }),
      roster.playerCount({ proxy: 'gate-1', server: 'lobby' }),
    ];
    expect(counts()).to.deep.equal([3, 2, 2, 1]);
    const moved = player('3', { server: 'lobby' });
    roster.applyEvent(
      event(101, { $case: 'playerMoved', value: { player: moved, fromServer: '' } }),
    );
    expect(counts()).to.deep.equal([3, 2, 3, 2]);
    const left = event(102, { $case: 'playerLeft', value: { player: player('1'), reason: 1 } });
    roster.applyEvent(left);
    expect(counts()).to.deep.equal([2, 1, 2, 1]);
    expect(roster.playerCount({ server: 'arena' })).to.equal(0);
    const joined = player('4', { server: 'arena' });
    roster.applyEvent(event(103, { $case: 'playerJoined', value: { player: joined } }));
    expect(roster.playerCount({ server: 'arena' })).to.equal(1);
    // An older event changes nothing.
    roster.applyEvent(event(50, { $case: 'playerLeft', value: { player: joined, reason: 1 } }));
    expect(roster.playerCount({ server: 'arena' })).to.equal(1);
  });

  it('stay for a grace time after the coordinator lost its history, and in a file', async () => {
    roster.applyGap({
      lostAfter: cursor,
      resumesAt: cursor,
      reason: GapReason.EPOCH_CHANGED,
      topics: [],
    });
    load([row(1005, player('1'))], 20);
    expect(ids()).to.deep.equal(['1', '2', '3']);
    const next = new Roster({ players: true });
    next.restore(roster.save());
    expect(next.playerCount()).to.equal(3);
    next.close();
    await until(() => ids().join() === '1');
  });
});
