/**
 * The numbers of producers, by which the journal judges their next writes: in memory, in the order of last use. There
 * are at most PRODUCERS of them, so a start reads them all.
 */
import { hex } from '../../core/cursor.js';
import { seal, unseal } from './record.js';
import { type Change, chunks, type Store } from './store.js';
import { type Producer, PRODUCER_AGE_MS, PRODUCERS } from '../journal.js';

interface Progress {
  readonly last: number;
  /** The time of the producer's last write, in the journal's `lifeMs`: the calendar clock does not age it. */
  readonly atMs: number;
}

interface Stamped extends Progress {
  /** The number of this use among all uses. A start finds the order of last use with it. */
  readonly use: number;
}

export class FileProducers {
  readonly #producers: Map<string, Progress>;
  #use: number;

  private constructor(producers: Map<string, Progress>, use: number) {
    this.#producers = producers;
    this.#use = use;
  }

  static load(store: Store): FileProducers {
    const found: [string, Stamped][] = [];
    for (const chunk of chunks(store, 'producers', '')) {
      for (const { key, value } of chunk) found.push([hex(key), decodeProducer(key, value)]);
    }
    found.sort(([, left], [, right]) => left.use - right.use);
    return new FileProducers(new Map(found), found.at(-1)?.[1].use ?? 0);
  }

  /** The number that is stored for a producer; undefined if there is none, or if it is too old at `nowMs`. */
  last(instance: Uint8Array, nowMs: number): number | undefined {
    const progress = this.#producers.get(hex(instance));
    return progress && isYoung(progress, nowMs) ? progress.last : undefined;
  }

  /** Stores a producer's new number. Removes producers that are too many or too old. */
  move({ instance, last }: Producer, nowMs: number, changes: Change[]): void {
    const id = hex(instance);
    this.#producers.delete(id);
    this.#producers.set(id, { last, atMs: nowMs });
    const value = encodeProducer(instance, { last, atMs: nowMs, use: ++this.#use });
    changes.push({ space: 'producers', key: instance, value });
    for (const [eldest, progress] of this.#producers) {
      if (this.#producers.size <= PRODUCERS && isYoung(progress, nowMs)) break;
      this.#producers.delete(eldest);
      changes.push({ space: 'producers', key: Buffer.from(eldest, 'hex'), value: null });
    }
  }
}

/** The number in a record; undefined if the record is too old. */
export function storedProducer(
  instance: Uint8Array,
  record: Buffer,
  nowMs: number,
): number | undefined {
  const producer = decodeProducer(instance, record);
  return isYoung(producer, nowMs) ? producer.last : undefined;
}

function isYoung({ atMs }: Progress, nowMs: number): boolean {
  return nowMs - atMs < PRODUCER_AGE_MS;
}

function encodeProducer(instance: Uint8Array, { last, atMs, use }: Stamped): Buffer {
  const body = Buffer.allocUnsafe(24);
  body.writeDoubleLE(last, 0);
  body.writeDoubleLE(atMs, 8);
  body.writeDoubleLE(use, 16);
  return seal(instance, body);
}

function decodeProducer(instance: Uint8Array, record: Buffer): Stamped {
  const body = unseal(`the number of producer ${hex(instance)}`, instance, record);
  return { last: body.readDoubleLE(0), atMs: body.readDoubleLE(8), use: body.readDoubleLE(16) };
}
