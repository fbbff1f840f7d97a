/**
 * Credentials in Redis, for all coordinators and for `kelpied token`. If Redis lost them, or their newest changes, a user
 * of the store that has read them writes them back: else a loss of data would let nobody in, or revoked peers.
 */
import { randomUUID } from 'node:crypto';
import { type Cancel, type Clock, every } from '../../core/clock.js';
import { KelpieError } from '../../core/errors.js';
import type {
  CredentialsMark,
  CredentialStore,
  RecordChange,
  StoredRecord,
} from '../credential-store.js';
import { JournalError } from '../error.js';
import { type Argument, type RedisConnection, Script } from './connection.js';
import { RedisFault } from './fault.js';

/**
 * A hash: of each record its revision as a double, then its bytes. Under the empty name it has the revision of the store
 * and, if the records were written back, what names that write, and the newest revision that was known then.
 */
const KEY = 'kelpie:{cluster}:credentials';
const LOOK_MS = 500;
/** Records that one command brings, roughly, and that one command writes back. */
const CHUNK = 200;
const REVISION_BYTES = 8;

/**
 * The arguments are the newest revision that the caller has seen, and the write-back that it was of. A user that wrote back
 * may have seen less than the caller. Then the store counts as lost again, else that user would undo a revocation.
 */
const BEGIN = `#!lua
local right = redis.call('TYPE', KEYS[1]).ok
local state = right == 'hash' and redis.call('HGET', KEYS[1], '') or '0'
local revision, origin, base = string.match(state, '^(%d+) ?(%x*) ?(%d*)$')
revision = (right == 'hash' or right == 'none') and tonumber(revision) or nil
local seen = tonumber(ARGV[1])
local function text(number) return string.format('%.0f', number) end
local lost = not revision or revision < seen or (origin ~= ARGV[2] and (tonumber(base) or seen) < seen)
`;

const REVISION = new Script(`${BEGIN}
if lost then return { 'LOST' } end
return { 'OK', text(revision), origin }
`);

/** Further arguments: of each change the id, the expected revision, whether there are bytes, and the bytes. */
const WRITE = new Script(`${BEGIN}
if lost then return { 'LOST' } end
for at = 3, #ARGV, 4 do
  local record = redis.call('HGET', KEYS[1], ARGV[at])
  local actual = record and struct.unpack('<d', record) or 0
  if actual ~= tonumber(ARGV[at + 1]) then return { 'CHANGED' } end
end
revision = revision + 1
for at = 3, #ARGV, 4 do
  if ARGV[at + 2] == '1' then redis.call('HSET', KEYS[1], ARGV[at], struct.pack('<d', revision) .. ARGV[at + 3])
  else redis.call('HDEL', KEYS[1], ARGV[at]) end
end
redis.call('HSET', KEYS[1], '', text(revision) .. string.match(state, '^%d+(.*)$'))
return { 'OK', text(revision), origin }
`);

/** Takes the place of a store that is lost for the caller. Another argument names this write; another key has the records. */
const REPLACE = new Script(`${BEGIN}
if not lost then return end
local newest = math.max(revision or 0, seen)
redis.call('HSET', KEYS[2], '', text(newest + 1) .. ' ' .. ARGV[3] .. ' ' .. text(newest))
redis.call('RENAME', KEYS[2], KEYS[1])
`);

/** A state of the store: its revision, and the write-back that it is of. */
interface State {
  readonly revision: number;
  readonly origin: string;
}

const NOTHING: State = { revision: 0, origin: '' };

export class RedisCredentialStore implements CredentialStore {
  readonly #connection: RedisConnection;
  readonly #clock: Clock;
  readonly #listeners = new Set<() => void>();
  #looks: Cancel | undefined;
  /** As of the last question for the revision. */
  #answered: State = NOTHING;
  /** The newest state that this user of the store has read whole or written, and the records as they were then. */
  #seen: State = NOTHING;
  #kept = new Map<string, StoredRecord>();
  readonly #mark: CredentialsMark | undefined;
  #isMarked = false;

  /** The connection is shared, and stays open at `close`. With a set `mark` a store without records is refused. */
  constructor(connection: RedisConnection, clock: Clock, mark?: CredentialsMark) {
    this.#connection = connection;
    this.#clock = clock;
    this.#mark = mark;
  }

  async revision(): Promise<number> {
    const [, text = '', origin = ''] = await this.#run(REVISION, []);
    const revision = Number(text);
    if (revision > 0) await this.#remember();
    else if (this.#mark?.isSet()) throw lost();
    this.#answered = { revision, origin };
    return revision;
  }

  async *records(): AsyncGenerator<StoredRecord> {
    const found = new Map<string, StoredRecord>();
    const read = this.#answered;
    let place = '0';
    do {
      const words = ['HSCAN', KEY, place, 'COUNT', String(CHUNK)];
      const [next, page] = (await this.#ask(() => this.#connection.command(words))) as [
        Buffer,
        Buffer[],
      ];
      place = next.toString();
      for (let at = 0; at < page.length; at += 2) {
        const record = recordOf(page[at], page[at + 1]);
        if (!record) continue;
        found.set(record.id, record);
        yield record;
      }
    } while (place !== '0');
    this.#kept = found;
    this.#seen = read;
  }

  async write(changes: readonly RecordChange[]): Promise<number | undefined> {
    const words = changes.flatMap(({ id, bytes, expected }) => [
      id,
      String(expected),
      bytes ? '1' : '0',
      Buffer.from(bytes ?? []),
    ]);
    const [word, text = '', origin = ''] = await this.#run(WRITE, words);
    if (word !== 'OK') return undefined;
    const revision = Number(text);
    await this.#remember();
    for (const { id, bytes } of changes) {
      if (bytes) this.#kept.set(id, { id, bytes, revision });
      else this.#kept.delete(id);
    }
    // Else another user wrote too, which this one has not seen yet.
    const { revision: seen, origin: former } = this.#seen;
    if (revision === seen + 1 && origin === former) this.#seen = { revision, origin };
    return revision;
  }

  onChange(changed: () => void): () => void {
    this.#listeners.add(changed);
    this.#looks ??= every(this.#clock, LOOK_MS, () => void this.#look());
    return () => this.#listeners.delete(changed);
  }

  async close(): Promise<void> {
    this.#looks?.();
    this.#listeners.clear();
  }

  async #remember(): Promise<void> {
    if (this.#isMarked) return;
    this.#isMarked = true;
    await this.#mark?.set();
  }

  /** While Redis is away, nobody can change credentials. */
  async #look(): Promise<void> {
    if (!this.#connection.isUp) return;
    const seen = this.#seen;
    const answer = await this.#run(REVISION, []).catch(() => undefined);
    const revision = Number(answer?.[1] ?? seen.revision);
    if (revision !== seen.revision && seen === this.#seen)
      for (const changed of this.#listeners) changed();
  }

  async #run(script: Script, words: readonly Argument[]): Promise<string[]> {
    for (let attempt = 0; attempt < 3; attempt++) {
      const given = [...wordsOf(this.#seen), ...words];
      const answer = (await this.#ask(() =>
        this.#connection.evaluate(script, [KEY], given),
      )) as Buffer[];
      const [word = '', ...rest] = answer.map(String);
      if (word !== 'LOST') return [word, ...rest];
      if (this.#seen.revision === 0) throw damaged();
      await this.#ask(() => this.#writeBack());
    }
    throw damaged();
  }

  /** Writes the records beside the store, then puts them in its place in one step. */
  async #writeBack(): Promise<void> {
    const name = randomUUID().replaceAll('-', '');
    const beside = `${KEY}:${name}`;
    const records = [...this.#kept.values()];
    for (let from = 0; from < records.length; from += CHUNK) {
      const chunk = records
        .slice(from, from + CHUNK)
        .flatMap(({ id, bytes, revision }) => [id, Buffer.concat([doubleOf(revision), bytes])]);
      await this.#connection.command(['HSET', beside, ...chunk]);
    }
    await this.#connection.evaluate(REPLACE, [KEY, beside], [...wordsOf(this.#seen), name]);
    await this.#connection.command(['DEL', beside]);
  }

  async #ask<T>(ask: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof RedisFault)) throw error;
      throw error.refused ? away(error) : unknown(error);
    }
  }
}

function wordsOf({ revision, origin }: State): string[] {
  return [String(revision), origin];
}

function recordOf(name?: Buffer, value?: Buffer): StoredRecord | undefined {
  if (!name || !value || name.length === 0) return undefined;
  if (value.length < REVISION_BYTES) throw damaged();
  const revision = value.readDoubleLE(0);
  return { id: name.toString(), bytes: value.subarray(REVISION_BYTES), revision };
}

function doubleOf(number: number): Buffer {
  const bytes = Buffer.alloc(REVISION_BYTES);
  bytes.writeDoubleLE(number);
  return bytes;
}

function damaged(): JournalError {
  const message = `The key ${KEY} of Redis has no credentials of Kelpie. Delete it, and make new credentials.`;
  return new JournalError('DAMAGED', message);
}

function lost(): JournalError {
  return new JournalError(
    'DAMAGED',
    'The coordinator has had credentials, and Redis has none: it would be open for everybody. Restore Redis from a ' +
      'copy; or make a new operator with `kelpied token create`, and new credentials for all others.',
  );
}

function away(cause: RedisFault): KelpieError {
  const message = `the credentials in Redis cannot be reached: ${cause.message}`;
  return new KelpieError('ENGINE_UNAVAILABLE', message, {}, { cause, retryAfterMs: 1000 });
}

function unknown(cause: RedisFault): KelpieError {
  const message = `Redis did not answer; look whether the credential changed: ${cause.message}`;
  return new KelpieError('OUTCOME_UNKNOWN', message, {}, { cause, retryAfterMs: 1000 });
}
