/**
 * One coordinator of three is cut off from Redis for a while: both ways, or one way only. The others go on, and it heals
 * without an operator.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { BLACKHOLE, FaultProxy, type Faults } from '../support/faults/fault-proxy.js';
import { RedisServer } from '../support/redis/redis-server.js';
import { figure, inSoak } from '../support/soak.js';
import { demandLoad, demandPromises } from './check.js';
import { Coordinators } from './coordinators.js';
import { endsAfterEach } from './ends.js';
import { Load } from './load.js';

const SCALE = {
  ...{ services: inSoak(20, 9), proxies: 3, players: inSoak(100, 20), topics: 8 },
  ...{ publishesPerSecond: 200, commandsPerSecond: 10, loginsPerSecond: 5 },
  ...{ changesPerSecond: 10, rawPerSecond: 0 },
};
const FLOOR = { publishesPerSecond: 60, streams: 12, players: 10 };
const PHASE_MS = inSoak(5000, 1500);
/** In turn. */
const CUTS: readonly Faults[] = [
  BLACKHOLE,
  { toServer: { drop: true } },
  { toClient: { drop: true } },
];
const ROUNDS = inSoak(9, 1);
/** Longer than a coordinator may be without Redis before the others count it as gone: 4 s by `short-life.ts`, else 10 s. */
const CUT_OFF_MS = inSoak(16_000, 6500);

describe(`a coordinator that is cut off from Redis, ${ROUNDS} times`, () => {
  const atEnd = endsAfterEach();

  it('breaks no promise, and serves again by itself when the way is free', async () => {
    const redis = await RedisServer.start();
    atEnd(() => redis.stop());
    const way = await FaultProxy.before(redis.port);
    atEnd(() => way.close());
    const coordinators = await Coordinators.start(
      [`redis://${way.endpoint}`, redis.url, redis.url],
      { preload: inSoak([], ['short-life']) },
    );
    const load = new Load(coordinators.endpoints, SCALE);
    atEnd(() => coordinators.stop());
    atEnd(() => load.stop());
    await load.ready();
    load.start();
    await load.warm(PHASE_MS, FLOOR);
    for (let round = 0; round < ROUNDS; round++) {
      load.recorder.record('test', { kind: 'fault', what: 'coordinator 0 is cut off from Redis' });
      way.set(CUTS[round % CUTS.length] ?? BLACKHOLE);
      await pause(CUT_OFF_MS);
      way.heal();
      await pause(PHASE_MS);
    }
    await load.rest();
    const { history } = load.recorder;
    figure(`${JSON.stringify(demandLoad(history, FLOOR))}; seed ${load.choices.seed}`);
    demandPromises(history, load.choices.seed);
    await load.stop();
    // A new node has only this coordinator, and a whole roster.
    const alone = new Load(coordinators.endpoints.slice(0, 1), { ...SCALE, services: 3 });
    atEnd(() => alone.stop());
    await alone.ready();
    alone.start();
    await pause(PHASE_MS);
    await alone.rest();
    demandPromises(alone.recorder.history, alone.choices.seed);
    await alone.stop();
    expect(await coordinators.stop()).to.deep.equal([0, 0, 0]);
  }).timeout(120_000 + ROUNDS * 60_000);
});
