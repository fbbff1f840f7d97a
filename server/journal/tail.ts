/**
 * The newest entries of a network in memory, each already encoded as it goes into an EventBatch,
 * shared by all readers: an event is encoded once, however many read it. Readers that are older
 * than the tail read pages from the engine, which `collect` turns into batches the same way.
 */
import { BinaryWriter } from '@bufbuild/protobuf/wire';
import { Cursor as CursorMessage } from '../../gen/ts/kelpie/v1/cursor.js';
import type { Cursor } from '../core/cursor.js';
import type { TopicFilter } from '../core/topic.js';
import type { Entry } from './journal.js';

/** How large a batch may become; a single event always fits. */
export interface BatchLimits {
  readonly events: number;
  readonly bytes: number;
}

/** 64 KiB is also one HTTP/2 window: more at once would make heartbeats wait for a round trip. */
export const BATCH_LIMITS: BatchLimits = { events: 256, bytes: 64 * 1024 };

/** Tags of the wire: `<field number> << 3 | <wire type>`. A test decodes what they make. */
const EVENT_SEQUENCE = (1 << 3) | 0;
const BATCH_AFTER = (1 << 3) | 0;
const BATCH_UP_TO = (2 << 3) | 2;
const BATCH_EVENT = (3 << 3) | 2;

/** An entry as readers need it. */
export interface EncodedEntry {
  readonly sequence: number;
  readonly tag: number;
  readonly topic: string;
  readonly source: string;
  /** The entry as the `events` field of an EventBatch; undefined for entries that are no event. */
  readonly chunk: Uint8Array | undefined;
}

/** A piece of the journal, filtered. */
export interface Batch {
  /** The position up to which everything that matches is in it. */
  readonly upTo: Cursor;
  /** Bytes of the events. */
  readonly bytes: number;
  /** The encoded events, in order. */
  readonly chunks: readonly Uint8Array[];
}

/** How much the tail holds. */
export interface TailLimits {
  readonly entries: number;
  readonly bytes: number;
}

export class Tail {
  readonly #limits: TailLimits;
  #entries: (EncodedEntry | undefined)[] = [];
  #start = 0;
  #bytes = 0;
  /** The position before the oldest entry of the tail. */
  #floor: Cursor;
  #head: Cursor;

  constructor(head: Cursor, limits: TailLimits) {
    this.#limits = limits;
    this.#floor = head;
    this.#head = head;
  }

  /** The newest position that readers may see. */
  get head(): Cursor {
    return this.#head;
  }

  /** Takes entries in as they become durable. */
  push(entries: readonly Entry[]): void {
    for (const entry of entries) {
      const encoded = encodeEntry(entry);
      this.#entries.push(encoded);
      this.#bytes += encoded.chunk?.length ?? 0;
      this.#head = { epoch: this.#head.epoch, sequence: entry.sequence, tag: entry.tag };
    }
    this.#trim();
  }

  /** Whether the tail reaches back to what follows this sequence. */
  covers(sequence: number): boolean {
    return sequence >= this.#floor.sequence;
  }

  /** The position at a sequence that the tail covers. */
  cursorAt(sequence: number): Cursor | undefined {
    if (sequence === this.#floor.sequence) return this.#floor;
    const entry = this.#entries[this.#start + (sequence - this.#floor.sequence) - 1];
    return entry && { epoch: this.#head.epoch, sequence, tag: entry.tag };
  }

  /** What matches after a sequence that the tail covers. */
  batch(after: number, filter: TopicFilter, limits: BatchLimits): Batch {
    const from = this.#start + (after - this.#floor.sequence);
    return collect(this.#entries, from, this.#head, filter, limits);
  }

  #trim(): void {
    while (this.#entries.length - this.#start > 1 && this.#full()) {
      const entry = this.#entries[this.#start];
      if (!entry) break;
      this.#entries[this.#start++] = undefined;
      this.#bytes -= entry.chunk?.length ?? 0;
      this.#floor = { epoch: this.#head.epoch, sequence: entry.sequence, tag: entry.tag };
    }
    if (this.#start > 1024 && this.#start > this.#entries.length / 2) {
      this.#entries = this.#entries.slice(this.#start);
      this.#start = 0;
    }
  }

  #full(): boolean {
    const size = this.#entries.length - this.#start;
    return size > this.#limits.entries || this.#bytes > this.#limits.bytes;
  }
}

/**
 * Takes what matches from `entries[from]` on until a limit of the batch is reached. The batch ends
 * at `end` if all entries were looked at, else at the last event taken.
 */
export function collect(
  entries: readonly (EncodedEntry | undefined)[],
  from: number,
  end: Cursor,
  filter: TopicFilter,
  limits: BatchLimits,
): Batch {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  let upTo = end;
  for (let index = from; index < entries.length; index++) {
    const entry = entries[index];
    if (!entry?.chunk || !filter.takes(entry)) continue;
    const full = chunks.length === limits.events || bytes + entry.chunk.length > limits.bytes;
    if (full && chunks.length > 0) return { upTo, bytes, chunks };
    chunks.push(entry.chunk);
    bytes += entry.chunk.length;
    upTo = { epoch: end.epoch, sequence: entry.sequence, tag: entry.tag };
  }
  return { upTo: end, bytes, chunks };
}

/**
 * Appends the sequence to the event; fields of a message may come in any order. Written by hand into
 * a pooled buffer: this runs once for every event, and allocation is most of what it costs.
 */
export function encodeEntry(entry: Entry): EncodedEntry {
  const { sequence, tag, topic, source, event } = entry;
  if (event.length === 0) return { sequence, tag, topic, source, chunk: undefined };
  const length = event.length + 1 + varintLength(sequence);
  const chunk = Buffer.allocUnsafe(1 + varintLength(length) + length);
  chunk[0] = BATCH_EVENT;
  let at = writeVarint(chunk, 1, length);
  chunk.set(event, at);
  at += event.length;
  chunk[at] = EVENT_SEQUENCE;
  writeVarint(chunk, at + 1, sequence);
  return { sequence, tag, topic, source, chunk };
}

function varintLength(value: number): number {
  let length = 1;
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) length += 1;
  return length;
}

/** Arithmetic and not bits: sequences have more than 32. Returns where it ends. */
function writeVarint(target: Uint8Array, from: number, value: number): number {
  let at = from;
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) target[at++] = (rest % 128) + 128;
  target[at++] = rest;
  return at;
}

/** The bytes of the EventBatch message; `after` as the contract has it. */
export function encodeBatch(after: number, batch: Batch): Uint8Array {
  const writer = new BinaryWriter()
    .uint32(BATCH_AFTER)
    .uint64(after)
    .uint32(BATCH_UP_TO)
    .bytes(CursorMessage.encode(batch.upTo).finish());
  for (const chunk of batch.chunks) writer.raw(chunk);
  return writer.finish();
}
