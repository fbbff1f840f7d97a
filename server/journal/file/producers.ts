/**
 * The numbers of producers that the next write will be judged by: in memory, in the order of their last use.
 * At most PRODUCERS of them, so a start reads them all.
 */
import { hex } from '../../core/cursor.js';
import { seal, unseal } from './record.js';
import { type Change, chunks, type Store } from './store.js';
import { type Producer, PRODUCER_AGE_MS, PRODUCERS } from '../journal.js';

interface Known {
  readonly last: number;
  /** When it last wrote, in milliseconds that the journal was open: no calendar clock ages it. */
  readonly atMs: number;
}

interface Stamped extends Known {
  /** Counts uses, to find their order again. */
  readonly use: number;
}

export class FileProducers {
  readonly #known: Map<string, Known>;
  #use: number;

  private constructor(known: Map<string, Known>, use: number) {
    this.#known = known;
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

  /** The number that a producer has stored, if it is known `nowMs`. */
  last(instance: Uint8Array, nowMs: number): number | undefined {
    const known = this.#known.get(hex(instance));
    return known && isYoung(known, nowMs) ? known.last : undefined;
  }

  /** Moves a producer on, and forgets those that are one too many or too old. */
  move({ instance, last }: Producer, nowMs: number, changes: Change[]): void {
    const id = hex(instance);
    this.#known.delete(id);
    this.#known.set(id, { last, atMs: nowMs });
    const value = encodeProducer(instance, { last, atMs: nowMs, use: ++this.#use });
    changes.push({ space: 'producers', key: instance, value });
    for (const [eldest, known] of this.#known) {
      if (this.#known.size <= PRODUCERS && isYoung(known, nowMs)) break;
      this.#known.delete(eldest);
      changes.push({ space: 'producers', key: Buffer.from(eldest, 'hex'), value: null });
    }
  }
}

/** The number in a record, if it is young enough to be known. */
export function storedProducer(
  instance: Uint8Array,
  record: Buffer,
  nowMs: number,
): number | undefined {
  const producer = decodeProducer(instance, record);
  return isYoung(producer, nowMs) ? producer.last : undefined;
}

function isYoung({ atMs }: Known, nowMs: number): boolean {
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
