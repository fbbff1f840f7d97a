/** A slow and simple model of a journal: an array and two maps. */
import fc from 'fast-check';
import { hex } from '../../../server/core/cursor.js';
import type { Draft, Outcome, Producer, Transaction } from '../../../server/journal/journal.js';
import { note, shown, write } from './entries.js';

/** A transaction whose conditions are not yet filled in: they depend on the state that the writer will see. */
interface Intention {
  readonly keys: readonly string[];
  readonly producer: { readonly id: number; readonly step: number } | undefined;
  readonly entries: readonly Draft[];
  /** The condition that must fail, if the transaction has it. */
  readonly fault: 'none' | 'require' | 'producer';
}

const key = fc.constantFrom('nodes/a', 'nodes/b', 'nodes-2', 'state/x');
const producerOfNone = fc.constant(undefined);
const producer = fc.record({ id: fc.nat({ max: 2 }), step: fc.integer({ min: 1, max: 3 }) });
const draft = fc.oneof(
  fc.tuple(fc.string(), fc.constantFrom('chat.global', 'kelpie.x')).map(([a, b]) => note(a, b)),
  fc.tuple(key, fc.option(fc.string({ minLength: 1 }))).map(([name, value]) => write(name, value)),
);

const intention: fc.Arbitrary<Intention> = fc
  .record({
    keys: fc.uniqueArray(key, { maxLength: 3 }),
    producer: fc.oneof(producerOfNone, producer),
    entries: fc.array(draft, { maxLength: 4 }),
    fault: fc.constantFrom('none', 'none', 'require', 'producer'),
  })
  .filter(({ entries, producer }) => entries.length > 0 || producer !== undefined);

/** Lists of calls of `append`, each a list of intended transactions. */
export const intendedCalls = fc.array(fc.array(intention, { minLength: 1, maxLength: 4 }), {
  minLength: 1,
  maxLength: 12,
});

export class JournalModel {
  readonly entries: (Draft & { readonly sequence: number })[] = [];
  readonly rows = new Map<string, { value: string; sequence: number }>();
  readonly #producers = new Map<string, number>();
  #newest: number;

  constructor(newest: number) {
    this.#newest = newest;
  }

  /** The transaction of a writer that has read the present state. */
  transactionOf({ keys, producer, entries, fault }: Intention): Transaction {
    const seen = keys.map((one) => ({ key: one, sequence: this.rows.get(one)?.sequence ?? 0 }));
    const require = seen.map(({ key: one, sequence }, index) => {
      const wrong = fault === 'require' && index === seen.length - 1;
      return { key: one, sequence: wrong ? sequence + 1 : sequence };
    });
    const numbers = producer && this.#numbers(producer, fault === 'producer');
    return { require, entries, ...(numbers && { producer: numbers }) };
  }

  #numbers({ id, step }: { id: number; step: number }, wrong: boolean): Producer {
    const instance = instanceOf(id);
    const stored = this.producer(instance) ?? 10 * id;
    const previous = wrong ? stored + (step % 2 === 0 ? 1 : -1) : stored;
    return { instance, previous, last: previous + step };
  }

  commit({ require = [], producer, entries }: Transaction): Outcome {
    for (const { key: one, sequence } of require) {
      const actual = this.rows.get(one)?.sequence ?? 0;
      if (actual !== sequence) return { kind: 'conflict', key: one, actual };
    }
    if (producer) {
      const sequence = this.producer(producer.instance) ?? producer.previous;
      if (sequence !== producer.previous) return { kind: 'producerAt', sequence };
      this.#producers.set(hex(producer.instance), producer.last);
    }
    const first = this.#newest + 1;
    for (const entry of entries) this.#store({ ...entry, sequence: ++this.#newest });
    return { kind: 'stored', first };
  }

  #store(entry: Draft & { readonly sequence: number }): void {
    this.entries.push(entry);
    const { row, sequence } = shown({ ...entry, tag: 0 });
    if (!row) return;
    if (row.value === null) this.rows.delete(row.key);
    else this.rows.set(row.key, { value: row.value, sequence });
  }

  producer(instance: Uint8Array): number | undefined {
    return this.#producers.get(hex(instance));
  }
}

/** An instance id of 16 bytes, always the same for the same number. */
export function instanceOf(id: number): Uint8Array {
  const bytes = Buffer.alloc(16, 7);
  bytes.writeUInt32BE(id);
  return bytes;
}
