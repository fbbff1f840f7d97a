/** One coordinator of three is cut off from Redis for a while. The others go on, and it heals without an operator. */
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { BLACKHOLE, FaultProxy } from '../support/faults/fault-proxy.js';
import { RedisServer } from '../support/redis/redis-server.js';
import { demandLoad, demandPromises } from './check.js';
import { Coordinators } from './coordinators.js';
import { endsAfterEach } from './ends.js';
import { Load } from './load.js';

const SCALE = {
  ...{ services: 9, proxies: 3, players: 20, topics: 8 },
  ...{ publishesPerSecond: 200, commandsPerSecond: 10, loginsPerSecond: 5 },
  ...{ changesPerSecond: 10, rawPerSecond: 0 },
};
const FLOOR = { publishesPerSecond: 60, streams: 12, players: 10 };
const PHASE_MS = 1500;
/** Longer than a coordinator may be without Redis before the others count it as gone. */
const CUT_OFF_MS = 16_000;

describe('a coordinator that is cut off from Redis', () => {
  const atEnd = endsAfterEach();

  it('breaks no promise, and serves again by itself when the way is free', async () => {
    const redis = await RedisServer.start();
    atEnd(() => redis.stop());
    const way = await FaultProxy.before(redis.port);
    atEnd(() => way.close());
    const coordinators = await Coordinators.start([
      `redis://${way.endpoint}`,
      redis.url,
      redis.url,
    ]);
    const load = new Load(coordinators.endpoints, SCALE);
    atEnd(() => coordinators.stop());
    atEnd(() => load.stop());
    await load.ready();
    load.start();
    await pause(PHASE_MS);
    load.recorder.record('test', { kind: 'fault', what: 'coordinator 0 is cut off from Redis' });
    way.set(BLACKHOLE);
    await pause(CUT_OFF_MS);
    way.heal();
    await pause(PHASE_MS);
    await load.rest();
    const { history } = load.recorder;
    demandLoad(history, FLOOR);
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
  }).timeout(120_000);
});
