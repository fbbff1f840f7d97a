/**
 * Faults that the test plants in kelpied, one at a time. Each makes the checker find the promise that it breaks, which
 * proves that the checker sees. Without a planted fault the same load breaks no promise: see one-coordinator.test.ts.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { dataFolder, removeDataFolders } from '../support/process/data-folder.js';
import { type Kelpied, startKelpied } from '../support/process/kelpied.js';
import { RedisServer } from '../support/redis/redis-server.js';
import { type Promised, validators } from './check.js';
import { endsAfterEach } from './ends.js';
import { Load } from './load.js';

const SCALE = {
  ...{ services: 6, proxies: 2, players: 10, topics: 4 },
  ...{ publishesPerSecond: 300, commandsPerSecond: 5, loginsPerSecond: 5 },
  ...{ changesPerSecond: 30, rawPerSecond: 20 },
};
/** The load runs so long before each judgement. */
const ROUND_MS = 1000;
/** A fault that the checker has not seen after this time, it does not see. A slow machine makes few steps in it. */
const GIVE_UP_MS = 80_000;

interface Planted {
  /** The module that plants the fault. */
  readonly fault: string;
  readonly breaks: Promised;
  readonly finds: RegExp;
  /** Default: file. */
  readonly journal?: 'file' | 'memory' | 'redis';
  /** Further arguments of kelpied. */
  readonly args?: readonly string[];
  /** Whether kelpied is killed in each round. */
  readonly killed?: boolean;
}

const planted: readonly Planted[] = [
  {
    fault: 'acknowledge-before-append',
    breaks: 'at least once, with exact resume',
    finds: /was acknowledged and is gone/,
    killed: true,
  },
  {
    fault: 'skip-lower-sequences',
    breaks: 'at least once, with exact resume',
    finds: /which no coordinator handed out, without a Gap/,
  },
  { fault: 'no-generation-check', breaks: 'one owner', finds: /was never sent by the generation/ },
  { fault: 'drop-while-changing', breaks: 'no silent gap', finds: /never got \d+ on chat/ },
  {
    fault: 'ignore-tags',
    breaks: 'at least once, with exact resume',
    finds: /which no coordinator handed out, without a Gap/,
  },
  {
    fault: 'sequences-restart',
    breaks: 'epochs never run back',
    finds: /begins at \d+, and .* went up to/,
    journal: 'memory',
    killed: true,
  },
  { fault: 'trust-a-lost-probe', breaks: 'one owner', finds: /lost its name while it answered/ },
  {
    fault: 'ignore-tags',
    breaks: 'at least once, with exact resume',
    finds: /which no coordinator handed out, without a Gap/,
    journal: 'redis',
  },
  {
    fault: 'trim-in-silence',
    breaks: 'no silent gap',
    finds: /never got \d+/,
    journal: 'redis',
    args: ['--retention-entries', '20'],
  },
];

describe('the checker finds a fault that is planted in kelpied', () => {
  afterEach(removeDataFolders);
  const atEnd = endsAfterEach();

  for (const plant of planted) {
    it(`${plant.fault}${plant.journal === 'redis' ? ', with Redis' : ''}`, async () => {
      const found = await faultsWith(plant, atEnd);
      expect(found.join('\n')).to.match(plant.finds);
    }).timeout(120_000);
  }
});

/** The faults that the validator of the broken promise finds. */
async function faultsWith(
  { fault, breaks, finds, journal = 'file', args = [], killed }: Planted,
  atEnd: (end: () => Promise<unknown>) => void,
): Promise<string[]> {
  const data = journal === 'file' ? ['--data', dataFolder()] : [];
  const kept = ['--journal', journal, ...data, ...args];
  const redis = journal === 'redis' ? await RedisServer.start() : undefined;
  atEnd(async () => redis?.stop());
  const module = new URL(`planted/${fault}.js`, import.meta.url).href;
  const start = (...more: string[]): Promise<Kelpied> =>
    startKelpied([...kept, '--grace-seconds', '3', ...more], undefined, {
      NODE_OPTIONS: `--import=${module}`,
      KELPIE_REDIS: redis?.url,
    });
  let kelpied = await start();
  const load = new Load([kelpied.endpoint], SCALE);
  atEnd(() => kelpied.kill());
  atEnd(() => load.stop());
  await load.ready();
  let faults: string[] = [];
  const giveUpMs = performance.now() + GIVE_UP_MS;
  while (performance.now() < giveUpMs && !faults.some((one) => finds.test(one))) {
    load.start();
    await pause(ROUND_MS);
    if (killed === true) {
      await kelpied.kill();
      kelpied = await start('--port', String(kelpied.port));
    }
    await load.rest();
    faults = validators[breaks](load.recorder.history);
  }
  return faults;
}
