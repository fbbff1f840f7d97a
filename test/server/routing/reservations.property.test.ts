/**
 * The law of reservations, with two coordinators on one journal: whatever they hold, release and let expire at the same
 * time, the players of a server and its held slots never pass max_players, and at rest nothing is left.
 */
import { expect } from 'chai';
import fc from 'fast-check';
import { RoutingStrategy } from '../../../gen/ts/kelpie/v1/routing.js';
import { ServerSelection } from '../../../gen/ts/kelpie/v1/transfer.js';
import { KelpieError } from '../../../server/core/errors.js';
import { FakeClock } from '../../support/clock/fake-clock.js';
import { settled } from '../../support/journal/history.js';
import {
  hello,
  join,
  type MortalCoordinator,
  openJournal,
  openMortal,
} from '../../support/model/coordinator.js';
import { joined, player, quit, TestProxy } from '../../support/model/proxy.js';

const SERVERS = { lobby: 3, arena: 5 };
const NAMES = Object.keys(SERVERS) as (keyof typeof SERVERS)[];

const on = fc.nat(1);
const which = fc.nat(20);
const step = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant('hold'),
      on,
      place: fc.constantFrom(...NAMES, RoutingStrategy.LEAST_PLAYERS, RoutingStrategy.RANDOM),
      slots: fc.integer({ min: 1, max: 3 }),
      ttlMs: fc.integer({ min: 1000, max: 5000 }),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constant('release'), on, which, slots: fc.nat(2) }),
  },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('move'), on, place: fc.nat(1) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('quit'), which }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('advance'), ms: fc.nat(2000) }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('settle'), turns: fc.nat(4) }) },
) as fc.Arbitrary<Step>;

type Step =
  | { kind: 'hold'; on: number; place: string | RoutingStrategy; slots: number; ttlMs: number }
  | { kind: 'release'; on: number; which: number; slots: number }
  | { kind: 'move'; on: number; place: number }
  | { kind: 'quit'; which: number }
  | { kind: 'advance'; ms: number }
  | { kind: 'settle'; turns: number };

class World {
  readonly #clock = new FakeClock();
  readonly #journal = openJournal(this.#clock);
  readonly #turns: number;
  readonly #towns: MortalCoordinator[] = [];
  #gate: TestProxy | undefined;
  /** Reports of the proxy, one after the other. */
  #reports: Promise<unknown> = Promise.resolve();
  readonly #ids: string[] = [];
  readonly #inside = new Map<string, number>();
  /** The reservations of players who have arrived, by player: until the release is stored they count twice. */
  readonly #arrived = new Map<string, string>();
  #players = 0;
  /** Works that nobody awaits. */
  readonly #works: Promise<unknown>[] = [];
  #broken: Error | undefined;
  held = 0;
  refused = 0;

  constructor(turns: number) {
    this.#turns = turns;
  }

  async open(): Promise<void> {
    // Each is there before the nodes are, so that neither takes them for left behind.
    for (const coordinatorId of ['one', 'two']) {
      const options = { coordinatorId, turns: () => this.#turns };
      this.#towns.push(await openMortal(this.#journal, this.#clock, options));
    }
    for (const [name, maxPlayers] of Object.entries(SERVERS)) {
      await join(this.#town(0), hello(name, { maxPlayers }));
    }
    this.#gate = await TestProxy.join(this.#town(0), 'gate');
    this.#journal.onAppend(() => {
      try {
        this.#check();
      } catch (error) {
        this.#broken ??= error as Error;
      }
    });
  }

  #town(number: number): MortalCoordinator {
    const town = this.#towns[number];
    if (!town) throw new Error('no such coordinator');
    return town;
  }

  /** In each coordinator. A player who has arrived, and whose slot is held still, counts once. */
  #check(): void {
    for (const { reservations, playerRows } of this.#towns) {
      const { table } = reservations.rows;
      for (const name of NAMES) {
        const players = [...playerRows.byServer.get(name)];
        const twice = players.filter((id) => table.get(this.#arrived.get(id) ?? '')).length;
        const all = players.length + reservations.rows.slotsOn(name) - twice;
        expect(all, `players and slots on ${name}`).to.be.at.most(SERVERS[name]);
        let slots = 0;
        for (const id of reservations.rows.onNode.get(name))
          slots += table.get(id)?.value.slots ?? 0;
        expect(reservations.rows.slotsOn(name), 'the index').to.equal(slots);
      }
    }
  }

  take(one: Step): Promise<void> | void {
    switch (one.kind) {
      case 'hold':
        return this.#work(this.#hold(one));
      case 'release':
        return this.#work(this.#release(one));
      case 'move':
        return this.#work(this.#move(one));
      case 'quit':
        return this.#work(this.#quit(one.which));
      case 'advance':
        return this.#clock.advance(one.ms);
      case 'settle':
        return settled(one.turns);
    }
  }

  #work(work: Promise<unknown>): void {
    const expected = ['SERVER_FULL', 'RESERVATION_NOT_FOUND', 'OUT_OF_RANGE', 'OUTCOME_UNKNOWN'];
    this.#works.push(
      work.catch((error: unknown) => {
        if (!(error instanceof KelpieError && expected.includes(error.reason))) throw error;
        this.refused += 1;
      }),
    );
  }

  async #hold({ on: at, place, slots, ttlMs }: Extract<Step, { kind: 'hold' }>): Promise<void> {
    const where =
      typeof place === 'string'
        ? { node: place }
        : { servers: ServerSelection.create({ strategy: place }) };
    const { reservations } = this.#town(at);
    const { id } = await reservations.hold({ place: where, slots, ttlMs, purpose: '', owner: '' });
    this.#ids.push(id);
    this.held += slots;
  }

  async #release({ on: at, which: number, slots }: Extract<Step, { kind: 'release' }>) {
    const id = this.#ids[number % Math.max(1, this.#ids.length)] ?? '';
    await this.#town(at).reservations.release(id, slots);
  }

  /** A player comes through a slot, which counts no more when they are in the table. */
  async #move({ on: at, place }: Extract<Step, { kind: 'move' }>): Promise<void> {
    const { reservations } = this.#town(at);
    const server = NAMES[place] ?? 'lobby';
    const long = { slots: 1, ttlMs: 600_000, purpose: '', owner: 'gate' };
    const { id } = await reservations.hold({ place: { node: server }, ...long });
    this.held += 1;
    const someone = player(++this.#players, { server });
    this.#arrived.set(someone.xuid, id);
    this.#reports = this.#reports.then(() => this.#gate?.report(joined(someone)));
    await this.#reports;
    this.#inside.set(someone.xuid, this.#town(0).playerRows.get(someone.xuid)?.generation ?? 0);
    await reservations.arrive(id);
  }

  async #quit(number: number): Promise<void> {
    const ids = [...this.#inside.keys()];
    const id = ids[number % Math.max(1, ids.length)];
    if (id === undefined) return;
    const generation = this.#inside.get(id) ?? 0;
    this.#inside.delete(id);
    this.#reports = this.#reports.then(() => this.#gate?.report(quit(id, generation)));
    await this.#reports;
  }

  /** Nothing is held when all times have passed. */
  async close(): Promise<void> {
    for (let round = 0; round < 3; round++) {
      await settled(10 * (this.#turns + 1));
      this.#clock.advance(5000);
    }
    await Promise.all(this.#works);
    await settled(10 * (this.#turns + 1));
    if (this.#broken) throw this.#broken;
    for (const town of this.#towns) {
      const { reservations, faults } = town;
      expect(reservations.pending).to.equal(0);
      expect(reservations.rows.table.size).to.equal(0);
      expect(NAMES.map((name) => reservations.reservedOn(name))).to.deep.equal([0, 0]);
      expect(faults).to.deep.equal([]);
      town.die();
    }
    for await (const { key } of this.#journal.rows('')) {
      expect(key).not.to.match(/^(reservations|slots)/);
    }
  }
}

describe('reservations', () => {
  it('never pass max_players, whatever two coordinators do at once', async () => {
    let held = 0;
    let refused = 0;
    const plan = fc.array(step, { minLength: 20, maxLength: 60, size: 'max' });
    await fc.assert(
      fc.asyncProperty(plan, fc.nat(3), async (steps, turns) => {
        const world = new World(turns);
        await world.open();
        for (const one of steps) await world.take(one);
        await world.close();
        held += world.held;
        refused += world.refused;
      }),
      { numRuns: 200 },
    );
    expect(held, 'slots').to.be.greaterThan(1000);
    expect(refused, 'refusals').to.be.greaterThan(1000);
  }).timeout(60_000);
});
