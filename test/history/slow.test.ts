/**
 * Coordinators and readers that are slow, one after the other, while the network keeps little history: the way of one
 * coordinator to Redis is narrow, then the way of readers to another one, then the third one stands still (SIGSTOP) for
 * longer than the others count it as alive, and goes on. Nobody leaves. Each reader gets every event, or a Gap.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { FaultProxy, type Faults } from '../support/faults/fault-proxy.js';
import { RedisServer } from '../support/redis/redis-server.js';
import { figure, inSoak } from '../support/soak.js';
import { demandLoad, demandPromises } from './check.js';
import { Coordinators } from './coordinators.js';
import { endsAfterEach } from './ends.js';
import { Load } from './load.js';
import { ofKind } from './steps.js';

const SCALE = {
  ...{ services: inSoak(20, 9), proxies: 3, players: inSoak(100, 20), topics: 8 },
  ...{ publishesPerSecond: 200, commandsPerSecond: 10, loginsPerSecond: 5 },
  ...{ changesPerSecond: 10, rawPerSecond: 5 },
};
const FLOOR = { publishesPerSecond: 60, streams: 12, players: 10 };
const ROUNDS = inSoak(6, 1);
const PHASE_MS = inSoak(5000, 1000);
/** A narrow way passes so much both ways: less than the load needs. */
const narrow = (bytesPerSecond: number): Faults => ({
  toServer: { bytesPerSecond },
  toClient: { bytesPerSecond },
});
const NARROW_MS = inSoak(4000, 2000);
/** Longer than the others count a coordinator as alive (see `short-life.ts`); with the grace, shorter than nodes may be lost. */
const STILL_MS = 6000;
/** The load writes more in a phase. */
const KEPT = ['--retention-entries', '150'];

describe(`coordinators and readers that are slow, ${ROUNDS} times`, () => {
  const atEnd = endsAfterEach();

  it('break no promise, and each reader gets everything or a Gap', async () => {
    const redis = await RedisServer.start();
    atEnd(() => redis.stop());
    const way = await FaultProxy.before(redis.port);
    atEnd(() => way.close());
    const coordinators = await Coordinators.start(
      [`redis://${way.endpoint}`, redis.url, redis.url],
      { args: KEPT, preload: ['short-life'] },
    );
    const [first = '', second = '', third = ''] = coordinators.endpoints;
    const door = await FaultProxy.before(coordinators.at(1).port);
    atEnd(() => door.close());
    const load = new Load([first, second, third, door.endpoint], SCALE);
    atEnd(() => coordinators.stop());
    atEnd(() => load.stop());
    const fault = (what: string): void => load.recorder.record('test', { kind: 'fault', what });
    await load.ready();
    load.start();
    await load.warm(PHASE_MS, FLOOR);
    for (let round = 0; round < ROUNDS; round++) {
      fault('the way of coordinator 0 to Redis is narrow');
      way.set(narrow(40_000));
      await pause(NARROW_MS);
      way.heal();
      await pause(PHASE_MS);
      fault('the way of readers to coordinator 1 is narrow');
      door.set(narrow(2000));
      await pause(NARROW_MS);
      door.heal();
      await pause(PHASE_MS);
      fault('coordinator 2 stands still');
      await coordinators.freeze(2);
      await pause(STILL_MS);
      await coordinators.thaw(2);
      await pause(PHASE_MS);
    }
    await load.rest();
    const { history } = load.recorder;
    figure(`${JSON.stringify(demandLoad(history, FLOOR))}; seed ${load.choices.seed}`);
    const gaps = ofKind(history, 'gap');
    const trimmed = new Set(
      gaps.filter((one) => one.reason === 'TRIMMED').map((one) => one.client),
    );
    figure(`${gaps.length} gaps, of ${[...trimmed].join()}`);
    demandPromises(history, load.choices.seed);
    expect(trimmed, 'readers whose history was trimmed').to.not.be.empty;
    await load.stop();
    expect(await coordinators.stop()).to.deep.equal([0, 0, 0]);
  }).timeout(120_000 + ROUNDS * 60_000);
});
