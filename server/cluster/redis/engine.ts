/** One Redis for several coordinators: the journals of networks, the list of coordinators, their messages, and credentials. */
import type { Clock } from '../../core/clock.js';
import { endpointOf } from '../../core/address.js';
import { type End, endAll } from '../../core/ending.js';
import { isNetworkName, MAIN } from '../../core/network-name.js';
import type { CredentialsMark } from '../../journal/credential-store.js';
import type { EngineFacts, EngineSums, Warning } from '../../journal/engine-facts.js';
import { JournalError } from '../../journal/error.js';
import type { JournalFaults } from '../../journal/faults.js';
import type { Journal, Retention } from '../../journal/journal.js';
import { redisAddress } from '../../journal/redis/address.js';
import { RedisConnection, type RedisOptions, Script } from '../../journal/redis/connection.js';
import { RedisCredentialStore } from '../../journal/redis/redis-credential-store.js';
import { RedisJournal } from '../../journal/redis/redis-journal.js';
import { checkRights } from '../../journal/redis/rights.js';
import { hasNetwork, stageRedis } from '../../journal/redis/staged.js';
import type { Storage } from '../../journal/storage.js';
import { SettingsWatch } from '../../journal/redis/settings-check.js';
import { RedisBus } from './bus.js';
import { redisMembership } from './membership.js';

/** A set: the names of the networks that were opened. */
const NETWORKS = 'kelpie:{cluster}:networks';

/** A key of a wrong type is no set. */
const ADD = new Script(`#!lua
local right = redis.call('TYPE', KEYS[1]).ok
if right ~= 'set' and right ~= 'none' then redis.call('DEL', KEYS[1]) end
redis.call('SADD', KEYS[1], ARGV[1])
`);

interface RedisEngineParts {
  readonly redis: RedisOptions;
  /** The id of this coordinator. */
  readonly id: string;
  readonly clock: Clock;
  readonly retention: Retention;
  readonly onFault: (error: unknown) => void;
  /** Called with each setting of Redis that an operator should change. */
  readonly onWarning: (warning: Warning) => void;
  readonly credentialsMark?: CredentialsMark | undefined;
}

export class RedisEngine implements EngineFacts {
  readonly name = 'redis';
  readonly #parts: RedisEngineParts;
  readonly #connections = new Map<string, RedisConnection>();
  readonly #common: RedisConnection;
  readonly #watch: SettingsWatch;
  readonly membership;
  readonly bus: RedisBus;

  private constructor(
    parts: RedisEngineParts,
    common: RedisConnection,
    watch: SettingsWatch,
    bus: RedisBus,
  ) {
    this.#parts = parts;
    this.#common = common;
    this.#watch = watch;
    this.membership = redisMembership(common);
    this.bus = bus;
  }

  /** Rejects with a JournalError if Redis does not answer, or must not be used as it is set up. */
  static async open(parts: RedisEngineParts): Promise<RedisEngine> {
    const { redis, id, clock, onFault, onWarning: onFound } = parts;
    const { bytes: retentionBytes } = parts.retention;
    const common = new RedisConnection({ ...redis, tag: 'cluster' }, clock, onFault);
    const ends: End[] = [() => common.close()];
    try {
      const watch = await SettingsWatch.open({
        ...{ connection: common, clock, retentionBytes, onFound },
      });
      ends.push(() => watch.close());
      const bus = await RedisBus.open(common, id, clock, onFault);
      ends.push(() => bus.close());
      await checkRights(common);
      return new RedisEngine(parts, common, watch, bus);
    } catch (error) {
      await endAll(ends);
      throw error;
    }
  }

  sums(): EngineSums {
    const sums = { connects: 0, commands: 0, commandMs: 0, found: 0 };
    for (const { sums: own } of [this.#common, ...this.#connections.values()]) {
      sums.connects += own.connects;
      sums.commands += own.commands;
      sums.commandMs += own.commandMs;
      sums.found += own.found;
    }
    return sums;
  }

  warnings(): readonly Warning[] {
    return this.#watch.found;
  }

  readonly openJournal = async (network: string, faults: JournalFaults): Promise<Journal> => {
    const { clock, retention } = this.#parts;
    const { onEpochEnd, onFault: onListenerFault } = faults;
    const connection = this.#connectionOf(network);
    const own = { connection, network, clock, retention };
    const journal = await RedisJournal.open({ ...own, onEpochEnd, onListenerFault });
    await this.#addNetwork(network);
    return journal;
  };

  /** As the source or the target of a move between engines. */
  storage(): Storage {
    const { clock, retention, redis } = this.#parts;
    const hosts = redisAddress(redis.url).hosts.map(({ host, port }) => endpointOf(host, port));
    const on = (network: string) => ({ connection: this.#connectionOf(network), network });
    return {
      place: `Redis at ${hosts.join(', ')}`,
      users: async () => (await this.membership.alive()).map(({ endpoint, id }) => endpoint || id),
      has: (network) => hasNetwork(on(network)),
      openJournal: async (network) => {
        if (await hasNetwork(on(network)))
          return RedisJournal.open({ ...on(network), clock, retention });
        throw new JournalError('FOLDER', `Redis has no network ${network}.`);
      },
      stage: async (network, history) => {
        const staged = await stageRedis({ ...on(network), clock: history, retention });
        const commit = async (): Promise<void> => {
          await staged.commit();
          await this.#addNetwork(network);
        };
        return { ...staged, commit };
      },
      credentials: async () => this.credentials(),
      close: () => this.close(),
    };
  }

  async #addNetwork(network: string): Promise<void> {
    await this.#common.evaluate(ADD, [NETWORKS], [network]);
  }

  /** In a Redis Cluster the keys of each network may be on another node. */
  #connectionOf(network: string): RedisConnection {
    const { redis, clock, onFault } = this.#parts;
    if (redisAddress(redis.url).kind !== 'cluster') return this.#common;
    const found = this.#connections.get(network);
    const connection = found ?? new RedisConnection({ ...redis, tag: network }, clock, onFault);
    this.#connections.set(network, connection);
    return connection;
  }

  /** The names of the networks beside main. */
  async networks(): Promise<string[]> {
    const found = (await this.#common.command(['SMEMBERS', NETWORKS]).catch(() => [])) as Buffer[];
    return found.map(String).filter((name) => name !== MAIN && isNetworkName(name));
  }

  credentials(): RedisCredentialStore {
    const { clock, credentialsMark } = this.#parts;
    return new RedisCredentialStore(this.#common, clock, credentialsMark);
  }

  async close(): Promise<void> {
    this.#watch.close();
    await this.bus.close();
    for (const connection of this.#connections.values()) connection.close();
    this.#common.close();
  }
}
