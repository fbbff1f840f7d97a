/**
 * Whether Redis is set up so that Kelpie can keep what it promises. The coordinator looks at its start, and again and
 * again after that: an operator may change a setting, and a failover brings another server with settings of its own.
 */
import { type Cancel, type Clock, every } from '../../core/clock.js';
import type { Warning } from '../engine-facts.js';
import { JournalError } from '../error.js';
import type { RedisConnection } from './connection.js';
import { messageOf, RedisFault } from './fault.js';

export interface SettingFault extends Warning {
  /** With it the promises of Kelpie are false, so a coordinator does not start. */
  readonly refused?: true;
}

const LOOK_MS = 60_000;
/** The oldest version that has all that the scripts use. */
const MAJOR = 7;

/** Looks at the settings of Redis, oldest version first. Rejects with a RedisFault if Redis cannot be asked. */
export async function checkSettings(
  connection: RedisConnection,
  retentionBytes: number,
): Promise<SettingFault[]> {
  const facts = factsOf(String(await connection.command(['INFO'])));
  const found = [
    versionFault(facts),
    memoryFault(facts),
    roomFault(facts, retentionBytes),
    replicasFault(facts),
  ];
  return [...found, await fileFault(connection, facts)].filter((one) => one !== undefined);
}

type Facts = ReadonlyMap<string, string>;

/** The lines of INFO, as `redis_version:7.0.15`. */
function factsOf(text: string): Facts {
  const lines = text.split(/\r?\n/).filter((line) => line.includes(':'));
  return new Map(lines.map((line) => [line.slice(0, line.indexOf(':')), valueOf(line)]));
}

function valueOf(line: string): string {
  return line.slice(line.indexOf(':') + 1);
}

function versionFault(facts: Facts): SettingFault | undefined {
  const version = facts.get('redis_version') ?? 'unknown';
  if (Number.parseInt(version, 10) >= MAJOR) return undefined;
  const advice = `Install Redis ${MAJOR}.0 or newer.`;
  return { problem: `Redis is of version ${version}`, advice, refused: true };
}

function memoryFault(facts: Facts): SettingFault | undefined {
  const policy = facts.get('maxmemory_policy');
  if (policy === undefined || policy === 'noeviction') return undefined;
  const takesAny = policy.startsWith('allkeys') && facts.get('maxmemory') !== '0';
  return {
    problem: takesAny
      ? `maxmemory-policy is ${policy}: Redis may delete the history of a network to make room`
      : `maxmemory-policy is ${policy}: Redis may delete keys to make room, once its other settings allow it`,
    advice: 'Set maxmemory-policy noeviction.',
    ...(takesAny && { refused: true }),
  };
}

/** A full Redis refuses all writes, also those with which a journal would remove old entries. */
function roomFault(facts: Facts, retentionBytes: number): SettingFault | undefined {
  const maxmemory = Number(facts.get('maxmemory') ?? 0);
  if (maxmemory === 0 || maxmemory > retentionBytes) return undefined;
  return {
    problem: `maxmemory is ${mebibytes(maxmemory)} and a network may keep ${mebibytes(retentionBytes)} of history: Redis will refuse everything when it is full`,
    advice: 'Raise maxmemory, or lower --retention-bytes before Redis is full.',
  };
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 2 ** 20)} MiB`;
}

/** INFO has the number of good replicas only where a minimum is set. */
function replicasFault(facts: Facts): SettingFault | undefined {
  const replicas = Number(facts.get('connected_slaves') ?? 0);
  if (replicas === 0 || facts.has('min_slaves_good_slaves')) return undefined;
  return {
    problem:
      'min-replicas-to-write is 0: a primary that is cut off from its replicas acknowledges writes that a failover loses',
    advice: 'Set min-replicas-to-write 1 and min-replicas-max-lag 10.',
  };
}

async function fileFault(
  connection: RedisConnection,
  facts: Facts,
): Promise<SettingFault | undefined> {
  if (facts.get('aof_enabled') !== '1') {
    return {
      problem: 'appendonly is no: Redis forgets what came after its last snapshot when it ends',
      advice: 'Set appendonly yes.',
    };
  }
  try {
    const found = (await connection.command(['CONFIG', 'GET', 'appendfsync'])) as Buffer[];
    if (found[1]?.toString() !== 'no') return undefined;
  } catch (error) {
    if (!(error instanceof RedisFault) || !['NOPERM', 'ERR'].includes(error.code)) throw error;
    return {
      problem: `kelpied could not look at appendfsync: ${error.message}`,
      advice:
        'Allow its user +config|get, or make sure by hand that appendfsync is everysec or always.',
    };
  }
  return {
    problem: 'appendfsync is no: a power cut may take the last half minute',
    advice: 'Set appendfsync everysec, or always.',
  };
}

export interface SettingsWatchParts {
  readonly connection: RedisConnection;
  readonly clock: Clock;
  /** How many bytes of history a network may keep. */
  readonly retentionBytes: number;
  /** Called with each fault that was not there at the look before. */
  readonly onFound: (fault: SettingFault) => void;
}

export class SettingsWatch {
  readonly #parts: SettingsWatchParts;
  readonly #stop: Cancel;
  /** As of the last look that Redis answered. */
  #found: readonly SettingFault[] = [];

  /** Looks for the first time. Rejects with a JournalError if a coordinator must not start on this Redis. */
  static async open(parts: SettingsWatchParts): Promise<SettingsWatch> {
    const { connection, retentionBytes } = parts;
    let found: SettingFault[];
    try {
      await connection.ready();
      found = await checkSettings(connection, retentionBytes);
    } catch (error) {
      const why = messageOf(error);
      throw new JournalError('UNREACHABLE', `Redis cannot be used: ${why}.`, error);
    }
    const refusal = found.find(({ refused }) => refused);
    if (refusal) throw new JournalError('SETTINGS', `${refusal.problem}. ${refusal.advice}`);
    const watch = new SettingsWatch(parts);
    watch.#take(found);
    return watch;
  }

  private constructor(parts: SettingsWatchParts) {
    this.#parts = parts;
    this.#stop = every(parts.clock, LOOK_MS, () => void this.look());
  }

  get found(): readonly SettingFault[] {
    return this.#found;
  }

  /** Looks now. Never rejects: while Redis is away, the faults are those of before. */
  async look(): Promise<void> {
    try {
      const { connection, retentionBytes } = this.#parts;
      this.#take(await checkSettings(connection, retentionBytes));
    } catch {
      // The journal reports that Redis is away.
    }
  }

  #take(found: readonly SettingFault[]): void {
    const before = new Set(this.#found.map(({ problem }) => problem));
    this.#found = found;
    for (const one of found) if (!before.has(one.problem)) this.#parts.onFound(one);
  }

  close(): void {
    this.#stop();
  }
}
