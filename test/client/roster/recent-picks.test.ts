/** A roster counts the players that it has just picked a server for. */
import { expect } from 'chai';
import fc from 'fast-check';
import { Roster } from '../../../client/roster/roster.js';
import { Event } from '../../../gen/ts/kelpie/v1/event.js';
import { Node, NodeRole, NodeState } from '../../../gen/ts/kelpie/v1/node.js';
import { Player } from '../../../gen/ts/kelpie/v1/player.js';
import { FakeClock } from '../../support/clock/fake-clock.js';
import { inSoak } from '../../support/soak.js';

/** A roster of one process, and the events that it reads. */
class Town {
  readonly clock = Object.assign(new FakeClock(), { random: () => 0 });
  readonly roster = new Roster({ players: true, clock: this.clock });
  #sequence = 0;

  constructor(servers: readonly string[], maxPlayers?: number) {
    for (const name of servers) {
      const place = { role: NodeRole.DOWNSTREAM, state: NodeState.READY, maxPlayers };
      const node = Node.create({ name, displayName: name, ...place });
      this.#apply({ $case: 'nodeJoined', value: { node } });
    }
  }

  #apply(body: NonNullable<Event['body']>): void {
    this.roster.applyEvent({ ...Event.create({ sequence: ++this.#sequence }), body });
  }

  pick(id: string): string | undefined {
    return this.roster.pick({ for: 'join', player: { id } })?.server;
  }

  /** The roster shows the player on a server; empty: on none yet. */
  show(id: string, server: string): void {
    const player = Player.create({ id, server });
    this.#apply({ $case: 'playerMoved', value: { player, fromServer: '' } });
  }

  leave(id: string): void {
    const player = Player.create({ id });
    this.#apply({ $case: 'playerLeft', value: { player, reason: 0 } });
  }

  /** The number of strangers that a pick finds a server for. */
  room(): number {
    let count = 0;
    while (this.pick(`stranger-${count}`) !== undefined) count++;
    return count;
  }
}

function numbers(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `p${index}`);
}

describe('the recent picks of a roster', () => {
  it('spread 20 players who join at once over three servers', () => {
    const town = new Town(['a', 'b', 'c']);
    const picked = numbers(20).map((id) => town.pick(id));
    const counts = ['a', 'b', 'c'].map((name) => picked.filter((one) => one === name).length);
    expect(counts).to.deep.equal([7, 7, 6]);
  });

  it('never send more players to a server than fit', () => {
    const town = new Town(['a', 'b'], 3);
    expect(numbers(10).filter((id) => town.pick(id) !== undefined)).to.have.length(6);
  });

  it('end for a player who arrived anywhere or left, and not for one who is only online', () => {
    const town = new Town(['a'], 1);
    const ends: (() => void)[] = [
      () => {
        town.show('p', 'a');
        town.leave('p');
      },
      () => town.show('p', 'elsewhere'),
      () => town.leave('p'),
    ];
    for (const end of ends) {
      expect(town.pick('p')).to.equal('a');
      town.show('p', '');
      expect(town.pick('q'), 'the slot is taken').to.equal(undefined);
      end();
      expect(town.pick('q')).to.equal('a');
      town.leave('q');
      expect(town.pick('q')).to.equal('a');
      town.show('q', '');
      town.leave('q');
    }
  });

  it('end after 10 s for a player who never comes', () => {
    const town = new Town(['a'], 1);
    expect(town.pick('p')).to.equal('a');
    town.clock.advance(9_999);
    expect(town.pick('q')).to.equal(undefined);
    town.clock.advance(1);
    expect(town.pick('q')).to.equal('a');
    expect(town.clock.pending, 'no timer').to.equal(0);
  });

  it('count one player once, where they were sent last', () => {
    const town = new Town(['a', 'b'], 1);
    expect([town.pick('p'), town.pick('p')]).to.deep.equal(['a', 'a']);
    const fallback = { for: 'fallback', player: { xuid: 'p' }, fromServer: 'a' } as const;
    expect(town.roster.pick(fallback)?.server).to.equal('b');
    expect(town.pick('q')).to.equal('a');
    expect(town.pick('r')).to.equal(undefined);
  });

  it('do not count a player on their server again, nor a pick without a player', () => {
    const town = new Town(['a'], 2);
    town.show('p', 'a');
    expect(town.pick('p')).to.equal('a');
    for (const player of [undefined, {}, { name: 'Nobody' }]) {
      expect(town.roster.pick({ for: 'join', ...(player && { player }) })?.server).to.equal('a');
    }
    expect(town.room()).to.equal(1);
  });

  it('count 10,000 players at most: the oldest one does not count any more', () => {
    const town = new Town(['a'], 10_000);
    expect(town.room()).to.equal(10_000);
    const larger = new Town(['a'], 10_001);
    expect(numbers(10_002).every((id) => larger.pick(id) === 'a')).to.equal(true);
  });

  it('never overfill a server, and leave nothing behind', () => {
    const id = fc.constantFrom(...numbers(8));
    const step = fc.oneof(
      { weight: 7, arbitrary: fc.record({ kind: fc.constant('pick' as const), id }) },
      { weight: 4, arbitrary: fc.record({ kind: fc.constant('arrive' as const), id }) },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant('leave' as const), id }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('wait' as const), id }) },
    );
    let full = 0;
    const runs = inSoak(2_000, 200);
    fc.assert(
      fc.property(fc.array(step, { minLength: 10, maxLength: 60, size: 'max' }), (steps) => {
        const town = new Town(['a', 'b'], 2);
        /** The players on the way, and those who arrived. */
        const coming = new Map<string, string>();
        const there = new Map<string, string>();
        for (const one of steps) {
          if (one.kind === 'pick' && !there.has(one.id)) {
            coming.delete(one.id);
            const server = town.pick(one.id);
            if (server === undefined) full++;
            else coming.set(one.id, server);
          } else if (one.kind === 'arrive') {
            const server = coming.get(one.id);
            if (server === undefined) continue;
            coming.delete(one.id);
            there.set(one.id, server);
            town.show(one.id, server);
          } else if (one.kind === 'leave' && there.delete(one.id)) {
            town.leave(one.id);
          } else if (one.kind === 'wait') {
            // Players who are on the way give up.
            town.clock.advance(10_000);
            coming.clear();
          }
          const used = [...coming.values(), ...there.values()];
          for (const name of ['a', 'b'])
            expect(used.filter((server) => server === name).length).to.be.at.most(2);
        }
        town.clock.advance(10_000);
        expect(town.room()).to.equal(4 - there.size);
      }),
      { numRuns: runs },
    );
    expect(full, 'picks without room').to.be.above(runs);
  });
});
