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
/** In each run each coordinator is killed so often. */
const ROUNDS = inSoak(5, 1);
const RUNS = inSoak(2, 1);
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

describe(`three coordinators on one Redis, each killed ${ROUNDS * RUNS} times under load`, () => {
  let redis: RedisServer;
  let coordinators: Coordinators;
  const atEnd = endsAfterEach();

  beforeEach(async () => {
    redis = await RedisServer.start();
    coordinators = await Coordinators.start(Array(COORDINATORS).fill(redis.url) as string[]);
  });
  afterEach(async () => {
    expect(await coordinators.stop()).to.deep.equal(Array(COORDINATORS).fill(0));
    await redis.stop();
  });

  // A history of all kills at once would need too much memory.
  for (let run = 1; run <= RUNS; run++)
    it(`breaks no promise (${run})`, killed).timeout(ROUNDS * 120_000);

  /** Kills each in turn, so that each kill meets the sessions that the one before has moved. */
  async function killed(): Promise<void> {
    const load = new Load(coordinators.endpoints, SCALE);
    atEnd(() => load.stop());
    await load.ready();
    load.start();
    await load.warm(PHASE_MS + 1000, FLOOR);
    for (let kill = 0; kill < ROUNDS * COORDINATORS; kill++) {
      const index = kill % COORDINATORS;
      load.recorder.record('test', { kind: 'fault', what: `coordinator ${index} is killed` });
      await coordinators.kill(index);
      await pause(PHASE_MS);
      await load.back();
      await coordinators.restart(index);
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
