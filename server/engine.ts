/** The engine that the options name: it opens the journals of networks, and what the coordinators on it share. */
import type { Bus } from './cluster/bus.js';
import type { Membership } from './cluster/membership.js';
import { MemoryCluster } from './cluster/memory/memory-cluster.js';
import { pemOf } from './core/certificates.js';
import type { Clock } from './core/clock.js';
import type { CredentialStore } from './journal/credential-store.js';
import type { JournalFaults } from './journal/faults.js';
import { markIn } from './journal/file/credentials-mark.js';
import { FileCredentialStore } from './journal/file/file-credential-store.js';
import { FileJournal } from './journal/file/file-journal.js';
import { networkFolder, networksIn, prepareNetworks } from './journal/file/network-folders.js';
import type { EngineFacts, Warning } from './journal/engine-facts.js';
import type { Journal, Retention } from './journal/journal.js';
import { MemoryCredentialStore } from './journal/memory/memory-credential-store.js';
import { MemoryJournal } from './journal/memory/memory-journal.js';
import { checkOwnRetention } from './journal/retention-prefixes.js';
import { type CoordinatorOptions, defaultRedis, defaultRetention } from './ops/config/options.js';

const UNMARKED =
  'the data directory cannot be written: nothing here will show that there were credentials, if Redis loses them';

export interface Engine extends EngineFacts {
  /** Opens the journal of a network, and makes it if it is not there. */
  readonly openJournal: (name: string, faults: JournalFaults) => Promise<Journal>;
  /** The names of the networks beside main that the engine has. */
  networks(): Promise<string[]>;
  credentials(): CredentialStore;
  readonly membership: Membership;
  readonly bus: Bus;
  close(): Promise<void>;
}

interface EngineParts {
  /** The id of the coordinator. */
  readonly id: string;
  readonly clock: Clock;
  readonly onFault: (error: unknown) => void;
}

/** Rejects if the engine cannot be reached. */
export async function openEngine(
  options: CoordinatorOptions,
  { id, clock, onFault }: EngineParts,
): Promise<Engine> {
  const { journal, data = 'data', sync = 'commit', logger } = options;
  const retention = { ...defaultRetention, ...options.retention };
  checkOwnRetention(retention.topics ?? []);
  if (journal === 'redis') return openRedis(options, { id, clock, onFault, retention });
  // Nobody else uses this memory or these files.
  const cluster = new MemoryCluster(clock);
  const bus = cluster.bus(id);
  const membership = cluster.membership();
  const alone = { warnings: () => [], membership, bus, close: () => bus.close() };
  if (journal === 'memory') {
    return {
      name: 'memory',
      openJournal: async (_, { onFault }) => new MemoryJournal(clock, retention, onFault),
      networks: async () => [],
      credentials: () => new MemoryCredentialStore(),
      ...alone,
    };
  }
  const onWarning = (message: string): void => logger?.warn({}, message);
  return {
    name: 'file',
    openJournal: async (name, { onFault: onListenerFault, onReadOnly: onFault }) => {
      prepareNetworks(data, name);
      const folder = networkFolder(data, name);
      const own = { folder, clock, retention, sync };
      return FileJournal.open({ ...own, onWarning, onFault, onListenerFault });
    },
    networks: async () => networksIn(data),
    credentials: () => new FileCredentialStore(data, clock),
    ...alone,
  };
}

async function openRedis(
  { redis = defaultRedis, data, logger }: CoordinatorOptions,
  parts: EngineParts & { readonly retention: Retention },
): Promise<Engine> {
  // Most coordinators do not need its library.
  const { RedisEngine } = await import('./cluster/redis/engine.js');
  const ca = redis.ca === undefined ? undefined : await pemOf(redis.ca, 'the CA of Redis');
  const onWarning = (warning: Warning): void =>
    logger?.warn(warning, 'Redis should be set up otherwise');
  const onUnwritable = (err: unknown): void => logger?.warn({ err }, UNMARKED);
  const credentialsMark = data === undefined ? undefined : markIn(data, onUnwritable);
  return RedisEngine.open({ ...parts, redis: { url: redis.url, ca }, onWarning, credentialsMark });
}
