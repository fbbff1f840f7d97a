/** One kelpied with its journal in files is killed and started again under load, and breaks no promise. */
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { dataFolder, removeDataFolders } from '../support/process/data-folder.js';
import { startKelpied } from '../support/process/kelpied.js';
import { figure, inSoak } from '../support/soak.js';
import { demandLoad, demandPromises } from './check.js';
import { endsAfterEach } from './ends.js';
import { Load } from './load.js';
import { backTimes, percentile } from './return-times.js';

const KILLS = inSoak(20, 2);
/** The load runs so long before the first kill and after each. */
const PHASE_MS = inSoak(5000, 1500);

const SCALE = inSoak(
  {
    ...{ services: 45, proxies: 5, players: 500, topics: 20 },
    ...{ publishesPerSecond: 1000, commandsPerSecond: 50, loginsPerSecond: 50 },
    ...{ changesPerSecond: 50, rawPerSecond: 5 },
  },
  {
    ...{ services: 15, proxies: 3, players: 60, topics: 20 },
    ...{ publishesPerSecond: 400, commandsPerSecond: 20, loginsPerSecond: 10 },
    ...{ changesPerSecond: 20, rawPerSecond: 3 },
  },
);
/** Below it the run is void. It is well below the load, since other programs may need the machine. */
const FLOOR = inSoak(
  { publishesPerSecond: 500, streams: 50, players: 400 },
  { publishesPerSecond: 100, streams: 18, players: 40 },
);

describe(`a kelpied that is killed ${KILLS} times under load`, () => {
  afterEach(removeDataFolders);
  const atEnd = endsAfterEach();

  it('breaks no promise', async () => {
    const args = ['--journal', 'file', '--data', dataFolder(), '--grace-seconds', '10'];
    let kelpied = await startKelpied(args);
    const again = [...args, '--port', String(kelpied.port)];
    const load = new Load([kelpied.endpoint], SCALE);
    atEnd(() => kelpied.kill());
    atEnd(() => load.stop());
    await load.ready();
    load.start();
    await load.warm(PHASE_MS + 1000, FLOOR);
    for (let kill = 0; kill < KILLS; kill++) {
      load.recorder.record('test', { kind: 'fault', what: 'kelpied is killed' });
      await kelpied.kill();
      kelpied = await startKelpied(again);
      // A kelpied that dies before its nodes are back would extend the outage of the one before.
      await load.back();
      await pause(PHASE_MS);
    }
    await load.rest();
    const { history } = load.recorder;
    const before = demandLoad(history, FLOOR);
    figure(`${JSON.stringify(before)}; seed ${load.choices.seed}`);
    figure(`back after ${percentile(backTimes(history), 0.99)} ms (p99)`);
    demandPromises(history, load.choices.seed);
    await load.stop();
    expect(await kelpied.stop()).to.equal(0);
  }).timeout(60_000 + KILLS * (PHASE_MS + 60_000));
});
