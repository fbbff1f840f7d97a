/**
 * Three coordinators on one Redis, and each of them is killed in turn under load. The nodes move to the others. No promise
 * breaks, nobody leaves, and everybody comes back.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { RedisServer } from '../support/redis/redis-server.js';
import { figure, inSoak } from '../support/soak.js';
import { demandLoad, demandPromises } from './check.js';
import { Coordinators } from './coordinators.js';
import { endsAfterEach } from './ends.js';
import { Load } from './load.js';
import { backTimes, percentile } from './return-times.js';
import { ofKind } from './steps.js';

const COORDINATORS = 3;
/** How often each coordinator is killed. */
const KILLS = inSoak(10, 1);
/** The load runs so long before the first kill and after each. */
const PHASE_MS = inSoak(5000, 1000);
/** Every session is back within this time. */
const BACK_MS = 30_000;

const SCALE = inSoak(
  {
    ...{ services: 45, proxies: 5, players: 500, topics: 20 },
    ...{ publishesPerSecond: 1000, commandsPerSecond: 50, loginsPerSecond: 20 },
    ...{ changesPerSecond: 50, rawPerSecond: 5 },
  },
  {
    ...{ services: 15, proxies: 3, players: 60, topics: 20 },
    ...{ publishesPerSecond: 200, commandsPerSecond: 10, loginsPerSecond: 5 },
    ...{ changesPerSecond: 10, rawPerSecond: 3 },
  },
);
/** Below it the run is void. It is well below the load, since other programs may need the machine. */
const FLOOR = inSoak(
  { publishesPerSecond: 500, streams: 50, players: 400 },
  { publishesPerSecond: 50, streams: 18, players: 40 },
);

describe(`three coordinators on one Redis, each killed ${KILLS} times under load`, () => {
  let redis: RedisServer;
  let coordinators: Coordinators;
  const atEnd = endsAfterEach();

  before(async () => {
    redis = await RedisServer.start();
    coordinators = await Coordinators.start(Array(COORDINATORS).fill(redis.url) as string[]);
  });
  after(async () => {
    expect(await coordinators.stop()).to.deep.equal(Array(COORDINATORS).fill(0));
    await redis.stop();
  });

  // A history of all kills at once would need too much memory.
  for (let index = 0; index < COORDINATORS; index += 1) {
    if (KILLS > 1)
      it(`breaks no promise: coordinator ${index}`, () => killed([index])).timeout(KILLS * 60_000);
  }
  if (KILLS === 1) it('breaks no promise', () => killed([0, 1, 2])).timeout(120_000);

  /** Kills these in turn, as often as the run wants. */
  async function killed(indices: readonly number[]): Promise<void> {
    const load = new Load(coordinators.endpoints, SCALE);
    atEnd(() => load.stop());
    await load.ready();
    load.start();
    await pause(PHASE_MS + 1000);
    for (let kill = 0; kill < KILLS; kill++) {
      for (const index of indices) {
        load.recorder.record('test', { kind: 'fault', what: `coordinator ${index} is killed` });
        await coordinators.kill(index);
        await pause(PHASE_MS);
        await coordinators.restart(index);
      }
    }
    await load.rest();
    const { history } = load.recorder;
    const before = demandLoad(history, FLOOR);
    const back = backTimes(history);
    figure(`${JSON.stringify(before)}; seed ${load.choices.seed}`);
    figure(
      `${back.length} sessions back after ${percentile(back, 0.5)} ms (p50), ${percentile(back, 0.99)} ms (p99)`,
    );
    demandPromises(history, load.choices.seed);
    expect(Math.max(0, ...back)).to.be.below(BACK_MS);
    const own = new Set(load.nodes.map(({ name }) => name));
    expect(ofKind(history, 'gap').filter(({ client }) => own.has(client))).to.be.empty;
  }
});
