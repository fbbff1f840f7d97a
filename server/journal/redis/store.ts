/** The keys of a network in Redis, by the scripts that alone touch them. Rejects with a RedisFault. */
import { randomBytes, randomInt } from 'node:crypto';
import type { Clock } from '../../core/clock.js';
import { hex, ID_BYTES } from '../../core/cursor.js';
import { JournalError } from '../error.js';
import { PRODUCER_AGE_MS, type StoredProducer, type TableRow } from '../journal.js';
import { APPEND } from './append-lua.js';
import { wordsOf } from './call.js';
import type { RedisConnection } from './connection.js';
import { readRow } from './entry-codec.js';
import { EpochEnded } from './fault.js';
import { FORMAT, type Keys, keysOf } from './guard-lua.js';
import { OPEN } from './open-lua.js';
import { READ } from './read-lua.js';
import { type Position, type Snapshot, snapshotOf, type StreamRun, WRITER_BYTES } from './run.js';
import { SINCE } from './since-lua.js';
import type { Call } from './pending-append.js';
import type { Answer } from './writer.js';

/** A message brings the entries themselves up to this size: most calls fit, even those with 256 entries. */
const MESSAGE_BYTES = 64 * 1024;
/** The fields that one look at a hash brings, roughly. */
const ROWS = 100;

export class RedisStore {
  readonly #connection: RedisConnection;
  readonly #keys: Keys;
  readonly #clock: Clock;
  /** Names this process in its calls. */
  readonly #writer = randomBytes(WRITER_BYTES / 2).toString('hex');

  constructor(connection: RedisConnection, network: string, clock: Clock, beside?: string) {
    this.#connection = connection;
    this.#keys = keysOf(network, beside);
    this.#clock = clock;
  }

  get bell(): string {
    return this.#connection.channelOf(this.#keys.bell);
  }

  /** Whether a message announces entries of this process, which has them from its calls. */
  isOwn(message: Buffer): boolean {
    return message.toString('latin1', 0, WRITER_BYTES) === this.#writer;
  }

  /**
   * The state of the network. Begins a new epoch if there is none, if its keys do not belong together, or if the
   * present one is `ended`. `seen`: the highest sequence that is known. Throws a JournalError if a newer version wrote.
   */
  async open(ended: Uint8Array | undefined, seen: number): Promise<Snapshot> {
    const [word, detail, fields] = (await this.#connection.evaluate(OPEN, this.#keys.all, [
      Buffer.from(ended ?? []),
      randomBytes(ID_BYTES),
      `${randomInt(2 ** 32)}`,
      `${seen}`,
      `${Math.floor(this.#clock.wall() * 1000)}`,
    ])) as [Buffer, Buffer, Buffer[]];
    if (word.toString() !== 'FORMAT') return snapshotOf(fields);
    const message = `Redis has data of a newer version of Kelpie (format ${detail.toString()}, known is ${FORMAT}). Start that version.`;
    throw new JournalError('FORMAT', message);
  }

  /** The newest position, and runs from a sequence on. Throws EpochEnded. */
  async read(
    epoch: Uint8Array,
    from: number,
    entries: number,
    bytes: number,
  ): Promise<{ readonly newest: Position; readonly runs: readonly StreamRun[] }> {
    const words = [Buffer.from(epoch), `${from}`, `${entries}`, `${bytes}`];
    const answer = await this.#connection.evaluate(READ, this.#keys.all, words);
    const [sequence, tag, runs] = checked(answer) as [Buffer, Buffer, StreamRun[]];
    return { newest: { sequence: Number(sequence.toString()), tag: Number(tag.toString()) }, runs };
  }

  /** The position before entries of a time, see `SINCE`. Throws EpochEnded. */
  async since(epoch: Uint8Array, floor: Position, head: number, atMs: number): Promise<Position> {
    const words = [`${floor.sequence}`, `${floor.tag}`, `${head}`, `${atMs}`];
    const answer = await this.#connection.evaluate(SINCE, this.#keys.all, [
      Buffer.from(epoch),
      ...words,
    ]);
    const [sequence, tag] = checked(answer) as [Buffer, Buffer];
    return { sequence: Number(sequence.toString()), tag: Number(tag.toString()) };
  }

  /** Sends a call; `seen` is the newest sequence that listeners have. */
  async append(
    epoch: Uint8Array,
    { number, tag, units }: Call,
    { oldest, seen, limits }: { oldest: number; seen: number; limits: string },
  ): Promise<Answer> {
    const [transactions, ...blobs] = wordsOf(units.map(({ encoded }) => encoded));
    const numbers = [number, oldest, tag, seen, Math.floor(this.#clock.wall())].map(String);
    const words = [this.#writer, ...numbers, limits, transactions, this.bell, `${MESSAGE_BYTES}`];
    const answer = await this.#connection.run(APPEND, this.#keys.all, [
      Buffer.from(epoch),
      ...words,
      ...blobs,
    ]);
    return (answer as Buffer[]).map(String);
  }

  async load(): Promise<void> {
    await this.#connection.load(APPEND);
  }

  async *rows(prefix: string): AsyncGenerator<TableRow> {
    const match = `${prefix.replace(/[*?[\]\\^]/g, '\\$&')}*`;
    for await (const [key, field] of this.#fields(this.#keys.table, match)) {
      const row = readRow(field);
      if (row) yield { key, ...row };
    }
  }

  /** The number of a producer; undefined if there is none, or if it is too old. */
  async producer(instance: Uint8Array): Promise<number | undefined> {
    const get = ['HGET', this.#keys.producers, hex(instance)];
    const [record, lastOf] = await Promise.all([this.#connection.command(get), this.#numbers()]);
    return record ? lastOf(record as Buffer) : undefined;
  }

  async *producers(): AsyncGenerator<StoredProducer> {
    const lastOf = await this.#numbers();
    for await (const [id, record] of this.#fields(this.#keys.producers, '*')) {
      const last = lastOf(record);
      if (last !== undefined) yield { instance: Buffer.from(id, 'hex'), last };
    }
  }

  /** Reads the number in a record; undefined if the record is too old. */
  async #numbers(): Promise<(record: Buffer) => number | undefined> {
    const life = Number(await this.#connection.command(['HGET', this.#keys.meta, 'life']));
    return (record) => {
      const [last = 0, atMs = 0] = record.toString().split(' ').map(Number);
      return life - atMs < PRODUCER_AGE_MS ? last : undefined;
    };
  }

  /** The fields of a hash whose names match, without the one that has the epoch. */
  async *#fields(key: string, match: string): AsyncGenerator<readonly [string, Buffer]> {
    for (let cursor = '0'; ;) {
      const scan = ['HSCAN', key, cursor, 'MATCH', match, 'COUNT', `${ROWS}`];
      const [next, found] = (await this.#connection.command(scan)) as [Buffer, Buffer[]];
      for (let at = 0; at < found.length; at += 2) {
        const name = String(found[at]);
        const value = found[at + 1];
        if (name !== '' && value) yield [name, value];
      }
      cursor = next.toString();
      if (cursor === '0') return;
    }
  }
}

function checked(answer: unknown): unknown[] {
  const [word, ...rest] = answer as [Buffer, ...unknown[]];
  if (word.toString() === 'EPOCH') throw new EpochEnded(String(rest[0]));
  return rest;
}
