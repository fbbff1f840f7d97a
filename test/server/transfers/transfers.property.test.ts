/**
 * The law of transfers, under all faults of players, proxies, servers and coordinators: each ends once, within its
 * deadline, with the player where its end says; nothing is left of it, and no server gets more players than fit.
 */
import { expect } from 'chai';
import fc from 'fast-check';
import { PROXY_MOODS, SERVER_MOODS } from '../../support/model/moving-nodes.js';
import {
  PLAYERS,
  PROXIES,
  SERVERS,
  type Step,
  TransferWorld,
} from '../../support/model/transfer-world.js';
import { settled } from '../../support/journal/history.js';
import { figure, inSoak } from '../../support/soak.js';

const who = fc.nat(PLAYERS - 1);
const proxy = fc.nat(PROXIES - 1);
const node = fc.nat(PROXIES + SERVERS.length - 1);
const to = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('server'), server: fc.constantFrom(...SERVERS) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('games', 'routed') }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('proxy'),
      proxy: proxy.map((number) => `gate-${number}`),
      server: fc.constantFrom('', 'lobby', 'arena', 'duel'),
    }),
  },
);
const transfer = fc.record({
  kind: fc.constant('transfer'),
  ...{ who, to },
  timeoutMs: fc.integer({ min: 1, max: 5000 }),
  issuer: fc.constantFrom('shop', 'queue'),
  reserved: fc.boolean(),
});
const reserve = fc.record({
  kind: fc.constant('reserve'),
  server: fc.constantFrom('lobby', 'arena', 'duel', 'arena', 'duel'),
  slots: fc.integer({ min: 1, max: 2 }),
  ttlMs: fc.integer({ min: 1000, max: 5000 }),
});
const step = fc.oneof(
  { weight: 14, arbitrary: transfer },
  { weight: 6, arbitrary: reserve },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('login'), who, proxy }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('quit', 'again', 'again'), who }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('wander'), who }) },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('act'), proxy }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('proxyMood'),
      mood: fc.constantFrom('repliesFirst', ...PROXY_MOODS),
      proxy,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('serverMood'),
      mood: fc.constantFrom('good', 'good', ...SERVER_MOODS),
      server: fc.nat(SERVERS.length - 1),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('cut', 'crash'), node }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('connect'), node }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart'), orderly: fc.boolean() }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('advance'), ms: fc.nat(3000) }) },
  { weight: 12, arbitrary: fc.record({ kind: fc.constant('settle'), turns: fc.nat(12) }) },
) as fc.Arbitrary<Step>;

const RUNS = inSoak(5000, 400);

describe('transfers', () => {
  it('end once, in time, with the player where the end says, and leave nothing', async () => {
    const ends = new Map<string, number>();
    let tickets = 0;
    const plan = fc.array(step, { minLength: 20, maxLength: 60, size: 'max' });
    await fc.assert(
      fc.asyncProperty(plan, fc.nat(2), async (steps, turns) => {
        const world = new TransferWorld(turns);
        await world.open();
        for (let number = 0; number < PLAYERS; number++) {
          await world.take({ kind: 'login', who: number, proxy: number % PROXIES });
        }
        await settled(20);
        for (const one of steps) await world.take(one);
        await world.quiet();
        world.checkQuiet();
        for (const [reason, count] of world.ends) ends.set(reason, (ends.get(reason) ?? 0) + count);
        tickets += world.tickets.size;
        await world.close();
      }),
      { numRuns: RUNS },
    );
    figure(`${JSON.stringify(Object.fromEntries(ends))}, ${tickets} tickets`);
    expect(tickets, 'tickets').to.be.greaterThan(RUNS / 20);
    for (const reason of ['ARRIVED', 'TIMED_OUT', 'PLAYER_QUIT', 'SERVER_FULL']) {
      expect(ends.get(reason), reason).to.be.greaterThan(RUNS / 20);
    }
    expect(ends.get('reserved ARRIVED'), 'reserved').to.be.greaterThan(RUNS / 40);
  }).timeout(inSoak(600_000, 120_000));
});
