/**
 * A fault that the test plants in kelpied shows only after a failover of Redis that loses acknowledged entries, while the
 * coordinator dies too: the checker finds it. Without the planted fault nothing breaks: see failover.test.ts.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { faultsIn } from './check.js';
import { Coordinators } from './coordinators.js';
import { endsAfterEach } from './ends.js';
import { Load } from './load.js';
import { ReplicatedRedis } from './replicated-redis.js';

const SCALE = {
  ...{ services: 6, proxies: 2, players: 10, topics: 4 },
  ...{ publishesPerSecond: 200, commandsPerSecond: 5, loginsPerSecond: 5 },
  ...{ changesPerSecond: 5, rawPerSecond: 0 },
};
const PHASE_MS = 1000;

describe('the checker finds a fault that shows after a failover', () => {
  const atEnd = endsAfterEach();

  it('trust-a-replication-id', async () => {
    const redis = await ReplicatedRedis.start();
    atEnd(() => redis.stop());
    const preload = ['planted/trust-a-replication-id'];
    const coordinators = await Coordinators.start([redis.url], { preload });
    const load = new Load(coordinators.endpoints, SCALE);
    atEnd(() => coordinators.stop());
    atEnd(() => load.stop());
    await load.ready();
    load.start();
    await pause(PHASE_MS);
    redis.leaveBehind();
    await pause(PHASE_MS);
    await Promise.all([redis.failOver(), coordinators.kill(0)]);
    await coordinators.restart(0);
    await load.back();
    await pause(PHASE_MS);
    await load.rest();
    const { 'total order': found = [] } = faultsIn(load.recorder.history);
    expect(found.join('\n')).to.match(/got .* where another reader got/);
  }).timeout(120_000);
});
