/** The transactions of one call of the append script, in the form that the script reads. */
import type { Draft, Outcome, Retention, Transaction } from '../journal.js';
import { hex } from '../../core/cursor.js';
import { isUnder } from '../../topics/topic.js';
import type { TopicGroups } from '../topic-groups.js';
import { entryBytes, writeEntry } from './entry-codec.js';
import { summed, writeMarks } from './marks.js';

/** A call holds no more entries and bytes than this, unless one transaction has more: Redis stays free for others. */
export const CALL_ENTRIES = 256;
export const CALL_BYTES = 256 * 1024;
/** The memory of Redis for an entry besides its bytes, roughly. Retention counts it. */
const OVERHEAD_BYTES = 32;

/** A transaction with its bytes. */
export interface Encoded {
  readonly transaction: Transaction;
  readonly entries: number;
  readonly bytes: number;
  readonly segments: readonly Segment[];
  readonly writes: readonly Write[];
}

/** Entries that follow each other and have the same retention: `topic` is that of an own one, or empty. */
interface Segment {
  readonly topic: string;
  /** Of each entry, as are the sizes. */
  readonly groups: string[];
  readonly sizes: number[];
  readonly drafts: Draft[];
  bytes: Buffer;
}

/** The entry in the transaction, its key, its segment, and where the value lies in it, counted from 1. */
type Write = readonly [number, string, number] | readonly [number, string, number, number, number];

export class Encoder {
  readonly #prefixes: readonly string[];
  readonly #groups: TopicGroups;
  /** The limits as the script reads them. JSON has no Infinity: what is not there has no limit. */
  readonly limits: string;

  constructor(retention: Retention, groups: TopicGroups) {
    this.#prefixes = (retention.topics ?? []).map(({ prefix }) => prefix);
    this.#groups = groups;
    this.limits = JSON.stringify(retention, (_, value: unknown) =>
      value === Infinity ? undefined : value,
    );
  }

  encode(transaction: Transaction): Encoded {
    const segments: Segment[] = [];
    for (const draft of transaction.entries) {
      const topic = this.#prefixes.find((prefix) => isUnder(draft.topic, prefix)) ?? '';
      let segment = segments.at(-1);
      if (segment?.topic !== topic) {
        segment = { topic, groups: [], sizes: [], drafts: [], bytes: NOTHING };
        segments.push(segment);
      }
      segment.drafts.push(draft);
      segment.groups.push(this.#groups.nameFor(draft.topic));
      segment.sizes.push(entryBytes(draft) + OVERHEAD_BYTES);
    }
    const writes = writeSegments(segments);
    const bytes = segments.reduce((sum, segment) => sum + segment.bytes.length, 0);
    return { transaction, entries: transaction.entries.length, bytes, segments, writes };
  }
}

const NOTHING = Buffer.alloc(0);

function writeSegments(segments: readonly Segment[]): Write[] {
  const writes: Write[] = [];
  let entry = 0;
  for (const [index, segment] of segments.entries()) {
    const size = segment.sizes.reduce((sum, one) => sum + one - OVERHEAD_BYTES, 0);
    segment.bytes = Buffer.allocUnsafe(size);
    let at = 0;
    for (const draft of segment.drafts) {
      at = writeEntry(segment.bytes, at, draft);
      const { key, value } = draft;
      if (key !== undefined && value) writes.push([entry, key, index, at - value.length + 1, at]);
      else if (key !== undefined) writes.push([entry, key, index]);
      entry += 1;
    }
  }
  return writes;
}

/** The transactions as JSON, and the marks and bytes of their segments in order. */
export function wordsOf(encoded: readonly Encoded[]): [string, ...Buffer[]] {
  const blobs: Buffer[] = [];
  const names = new Map<string, number>();
  const number = (name: string): number => {
    const found = names.get(name) ?? names.size + 1;
    names.set(name, found);
    return found;
  };
  const transactions = encoded.map(({ transaction, segments, writes }) => {
    const { require = [], producer } = transaction;
    return {
      ...(require.length > 0 && { r: require.flatMap(({ key, sequence }) => [key, sequence]) }),
      ...(producer && { p: [hex(producer.instance), producer.previous, producer.last] }),
      s: segments.map((segment) => {
        const groups = segment.groups.map(number);
        blobs.push(writeMarks(groups, segment.sizes), segment.bytes);
        return [segment.topic, summed(groups, segment.sizes)];
      }),
      ...(writes.length > 0 && { w: writes }),
    };
  });
  return [JSON.stringify({ t: transactions, g: [...names.keys()] }), ...blobs];
}

/** The outcomes of transactions of which the first entry got `first`. `refusals` is empty if all were stored. */
export function outcomesOf(
  encoded: readonly Encoded[],
  first: number,
  refusals: string,
): Outcome[] {
  const words = refusals === '' ? [] : refusals.split(',');
  let next = first;
  return encoded.map(({ transaction, entries }, index) => {
    const [kind = '0', a = '', b = ''] = (words[index] ?? '0').split(':');
    if (kind === '1') {
      const key = transaction.require?.[Number(a)]?.key ?? '';
      return { kind: 'conflict', key, actual: Number(b) };
    }
    if (kind === '2') return { kind: 'producerAt', sequence: Number(a) };
    const outcome = { kind: 'stored', first: next } as const;
    next += entries;
    return outcome;
  });
}
