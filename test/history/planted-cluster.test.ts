/**
 * Faults that the test plants in the coordinators of a cluster, and that show only when one of them is lost: the checker
 * finds each of them. Without a planted fault nothing breaks: see cluster.test.ts and failover.test.ts.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { RedisServer } from '../support/redis/redis-server.js';
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

describe('the checker finds a fault that shows when a cluster loses something', () => {
  const atEnd = endsAfterEach();

  /** Coordinators with a planted fault, and the load on them. */
  async function begin(urls: readonly string[], fault: string) {
    const coordinators = await Coordinators.start(urls, { preload: [`planted/${fault}`] });
    const load = new Load(coordinators.endpoints, SCALE);
    atEnd(() => coordinators.stop());
    atEnd(() => load.stop());
    await load.ready();
    load.start();
    await pause(PHASE_MS);
    return { coordinators, load };
  }

  it('trust-a-replication-id, after a failover that loses entries while the coordinator dies', async () => {
    const redis = await ReplicatedRedis.start();
    atEnd(() => redis.stop());
    const { coordinators, load } = await begin([redis.url], 'trust-a-replication-id');
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

  it('nobody-has-an-owner, after the death of one coordinator of two', async () => {
    const redis = await RedisServer.start();
    atEnd(() => redis.stop());
    const { coordinators, load } = await begin([redis.url, redis.url], 'nobody-has-an-owner');
    load.recorder.record('test', { kind: 'fault', what: 'coordinator 0 is killed' });
    await coordinators.kill(0);
    await coordinators.restart(0);
    await load.back();
    await load.rest();
    const { 'presence is true': found = [] } = faultsIn(load.recorder.history);
    expect(found.join('\n')).to.match(/was on proxy-\d, and left as PROXY_LOST/);
  }).timeout(120_000);
});
