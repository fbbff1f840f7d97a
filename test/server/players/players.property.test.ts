/**
 * The law of presence, under all faults of proxies, players and coordinators: no player is online twice, readers
 * get the events of each player in order, and at rest the table has exactly the players of the proxies.
 */
import { expect } from 'chai';
import fc from 'fast-check';
import { Event } from '../../../gen/ts/kelpie/v1/event.js';
import { DuplicatePolicy, type Player } from '../../../gen/ts/kelpie/v1/player.js';
import { TopicFilter } from '../../../server/topics/filter.js';
import type { Entry } from '../../../server/journal/journal.js';
import { FakeClock } from '../../support/clock/fake-clock.js';
import { Follower } from '../../support/model/follower.js';
import { settled } from '../../support/journal/history.js';
import {
  hello,
  join,
  type MortalCoordinator,
  openJournal,
  openMortal,
} from '../../support/model/coordinator.js';
import { player } from '../../support/model/proxy.js';
import { idOf, ProxyModel } from '../../support/model/proxy-model.js';

const PROXIES = 3;
const PLAYERS = 2;
const SERVERS = ['lobby', 'bedwars'];

const proxy = fc.integer({ min: 0, max: PROXIES - 1 });
/** Persons, by the ids in their logins: the XUID, both, or only the UUID. */
const persons = Array.from({ length: PLAYERS }, (_, number) => {
  const uuid = `0a1b2c3d-0000-4000-8000-00000000000${number}`;
  return [player(number), player(number, { uuid }), player(number, { xuid: '', uuid })];
}).flat();
const who = fc.constantFrom(...persons);
const policy = fc.constantFrom(
  DuplicatePolicy.DENY_NEW,
  DuplicatePolicy.KICK_OLD,
  DuplicatePolicy.VERIFY_OLD,
);
const step = fc.oneof(
  { weight: 10, arbitrary: fc.record({ kind: fc.constant('login'), proxy, who, policy }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('quit'), proxy, who }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('move'),
      proxy,
      who,
      server: fc.constantFrom(...SERVERS, '', 'nowhere'),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('cut'), proxy }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('connect'), proxy }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('crash'), proxy }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart') }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('blink') }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('advance'), ms: fc.nat(3000) }) },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('settle'), turns: fc.nat(4) }) },
) as fc.Arbitrary<Step>;

type Step =
  | { kind: 'login'; proxy: number; who: Player; policy: DuplicatePolicy }
  | { kind: 'quit'; proxy: number; who: Player }
  | { kind: 'move'; proxy: number; who: Player; server: string }
  | { kind: 'cut' | 'connect' | 'crash'; proxy: number }
  | { kind: 'restart' | 'blink' }
  | { kind: 'advance'; ms: number }
  | { kind: 'settle'; turns: number };

class World {
  readonly #clock = new FakeClock();
  readonly #journal = openJournal(this.#clock);
  readonly #turns: number;
  readonly proxies: ProxyModel[];
  readonly entries: Entry[] = [];
  /** A node with a roster of players. */
  readonly follower = new Follower({ players: true });
  #town: MortalCoordinator | undefined;
  #lives = 0;

  constructor(turns: number, digests: boolean) {
    this.#turns = turns;
    const gate = (_: unknown, index: number) =>
      new ProxyModel(`gate-${index}`, digests, () => this.#clock.now());
    this.proxies = Array.from({ length: PROXIES }, gate);
    this.#journal.onAppend((entries) => this.entries.push(...entries));
  }

  get town(): MortalCoordinator {
    if (!this.#town) throw new Error('nobody is there');
    return this.#town;
  }

  async open(): Promise<void> {
    const coordinatorId = `coordinator-${++this.#lives}`;
    const options = { coordinatorId, turns: () => this.#turns };
    this.#town = await openMortal(this.#journal, this.#clock, options);
  }

  async take(one: Step): Promise<void> {
    switch (one.kind) {
      case 'login':
        return this.proxies[one.proxy]?.login(one.who, one.policy);
      case 'quit':
        return this.proxies[one.proxy]?.quit(idOf(one.who));
      case 'move':
        return this.proxies[one.proxy]?.move(idOf(one.who), one.server);
      case 'cut':
        return this.proxies[one.proxy]?.cut();
      case 'connect':
        return this.proxies[one.proxy]?.connect(this.town.port);
      case 'crash':
        return this.proxies[one.proxy]?.crash();
      case 'restart':
        return this.restart();
      case 'blink':
        await this.follower.cut();
        this.follower.open(this.town.port);
        return;
      case 'advance':
        return this.advance(one.ms);
      case 'settle':
        await this.follower.read(1);
        return settled(one.turns);
    }
  }

  async restart(): Promise<void> {
    this.town.die();
    await Promise.all([...this.proxies, this.follower].map((one) => one.cut()));
    await this.open();
    this.follower.open(this.town.port);
  }

  async advance(ms: number): Promise<void> {
    for (const one of [...this.proxies, this.follower]) one.beat();
    await settled(2);
    this.#clock.advance(ms);
  }

  /**
   * Runs until nothing can change any more: graces, digests and lists have had their time. A proxy may stay
   * away for good.
   */
  async quiet(away: number): Promise<void> {
    await this.proxies[away]?.crash();
    const there = this.proxies.filter((_, index) => index !== away);
    for (let round = 0; round < 12; round++) {
      for (const one of there) one.connect(this.town.port);
      await settled(40 * (this.#turns + 1));
      await this.advance(5000);
      await this.follower.read(1000);
    }
    await settled(40 * (this.#turns + 1));
  }
}

/** The players that a reader of `players.*` computes from all events. Each player's events must be in order. */
function readerOf(entries: readonly Entry[]): Map<string, Player> {
  const filter = new TopicFilter(['players.*']);
  const roster = new Map<string, Player>();
  const lastGeneration = new Map<string, number>();
  for (const { topic, event } of entries) {
    if (!filter.matches(topic)) continue;
    const { body } = Event.decode(event);
    if (!body?.$case.startsWith('player')) continue;
    const { player: after } = body.value as { player?: Player };
    if (!after) throw new Error('an event without its player');
    const before = roster.get(after.id);
    if (body.$case === 'playerJoined') {
      expect(before, 'a player who is online joins again').to.equal(undefined);
      expect(after.generation).to.be.greaterThan(lastGeneration.get(after.id) ?? 0);
      lastGeneration.set(after.id, after.generation);
    } else expect(after.generation, 'of another login').to.equal(before?.generation);
    if (body.$case === 'playerMoved') expect(body.value.fromServer).to.equal(before?.server);
    if (body.$case === 'playerLeft') roster.delete(after.id);
    else roster.set(after.id, after);
  }
  return roster;
}

function checkQuiet({ town, proxies, entries, follower }: World): void {
  const { playerRows } = town;
  const rows = [...playerRows.entries()];
  const has = proxies.flatMap(({ name, guests }) =>
    [...guests].map(([id, { generation, server }]) => ({ id, proxy: name, generation, server })),
  );
  const ofTable = rows.map(([id, { player }]) => {
    const { proxy: name, generation, server } = player;
    return { id, proxy: name, generation, server };
  });
  expect(ofTable, 'the table has exactly the players of the proxies').to.have.deep.members(has);
  expect(rows.filter(([, { loggingIn }]) => loggingIn)).to.deep.equal([]);
  const uuids = rows.map(([id, { player }]) => player.uuid || id);
  expect(new Set(uuids).size, 'no person has two presences, even under two ids').to.equal(
    uuids.length,
  );
  const byProxy = proxies.map(({ name }) => playerRows.byProxy.get(name).size);
  const onServers = [...SERVERS, 'nowhere'].map((name) => playerRows.byServer.get(name).size);
  const nowhere = ofTable.filter(({ server }) => server === '').length;
  expect(sum(byProxy)).to.equal(rows.length);
  expect(sum(onServers) + nowhere).to.equal(rows.length);
  expect(playerRows.online).to.equal(rows.length);
  const read = [...readerOf(entries).values()].map(({ id, generation }) => ({ id, generation }));
  const stands = ofTable.map(({ id, generation }) => ({ id, generation }));
  expect(read, 'all events together give the table').to.have.deep.members(stands);
  const roster = follower.roster.players().map(({ id, generation }) => ({ id, generation }));
  expect(roster, 'a roster equals the table').to.have.deep.members(stands);
  expect(town.ownership.pending).to.equal(0);
  expect(town.commands.pending).to.equal(0);
  expect(town.faults).to.deep.equal([]);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

describe('presence', () => {
  it('equals the players of the proxies at rest, and its events are in order', async () => {
    let told = 0;
    const plan = fc.array(step, { minLength: 20, maxLength: 60, size: 'max' });
    await fc.assert(
      fc.asyncProperty(
        plan,
        fc.nat(3),
        fc.nat(PROXIES),
        fc.boolean(),
        async (steps, turns, away, digests) => {
          const world = new World(turns, digests);
          await world.open();
          for (const name of SERVERS) await join(world.town, hello(name));
          for (const one of world.proxies) one.connect(world.town.port);
          world.follower.open(world.town.port);
          await settled(20);
          for (const one of steps) await world.take(one);
          await world.quiet(away);
          checkQuiet(world);
          told += world.entries.filter(({ topic }) => topic.startsWith('players.')).length;
          for (const one of [...world.proxies, world.follower]) await one.cut();
          world.follower.roster.close();
          world.town.die();
        },
      ),
      { numRuns: 800 },
    );
    expect(told, 'there were many events').to.be.greaterThan(1000);
  }).timeout(120_000);
});
