/**
 * Fills an empty journal with the parts of an export. Entries keep their order, content and time, and get new sequences
 * in a new epoch, so a cursor of the former epoch gets a gap. A row that no entry of the history writes last gets an
 * entry of its own, which no reader sees.
 */
import type {
  ExportedEntry,
  ExportEnd,
  ExportPart,
} from '../../../gen/ts/kelpie/storage/v1/export.js';
import { Event } from '../../../gen/ts/kelpie/v1/event.js';
import type { Cancel, Clock } from '../../core/clock.js';
import { ImportedHistory } from '../../delivery/imported.js';
import { JournalError } from '../../journal/error.js';
import type { Draft, Journal, Producer, Transaction } from '../../journal/journal.js';

/** The most entries and bytes of one append. */
const ENTRIES = 256;
const BYTES = 128 * 1024;
/** Entries that are stored at once get one time. */
const TIME_MS = 10_000;
/** The entry of a row alone. Clients cannot read it. */
const HIDDEN = { topic: 'kelpie.import', event: new Uint8Array(0), source: '' };

type Part = NonNullable<ExportPart['part']>;
type Credential = Extract<Part, { $case: 'credential' }>['value'];

/**
 * The clock of a journal that is being filled. A journal stores an entry with the time of this clock, so it shows the
 * time of the entry.
 */
export class HistoryClock implements Clock {
  readonly #real: Clock;
  /** A new epoch begins above all sequences that were used, in microseconds of the calendar clock. */
  readonly #leastMs: number;
  /** The time of the entries to store; undefined: now. */
  atMs: number | undefined;

  constructor(real: Clock, newest: number) {
    this.#real = real;
    this.#leastMs = newest / 1000 + 1;
  }

  now(): number {
    return this.#real.now();
  }

  wall(): number {
    return this.atMs ?? Math.max(this.#real.wall(), this.#leastMs);
  }

  after(delayMs: number, fire: () => void): Cancel {
    return this.#real.after(delayMs, fire);
  }
}

/** Stores the parts after the header. Rejects if they are not as many as the end says. Returns the credentials. */
export async function importParts(
  parts: AsyncIterable<Part>,
  { journal, clock }: { readonly journal: Journal; readonly clock: HistoryClock },
  onEntries: (done: number) => void,
): Promise<{ readonly counts: ExportEnd; readonly credentials: readonly Credential[] }> {
  const filling = new Filling(journal, clock);
  const { counts, credentials } = filling;
  for await (const part of parts) {
    if (part.$case === 'end') checkCounts(counts, part.value);
    else await filling.take(part);
    if (part.$case === 'entry') onEntries(counts.entries);
  }
  await filling.finish();
  return { counts, credentials };
}

function checkCounts(found: ExportEnd, end: ExportEnd): void {
  for (const kind of ['rows', 'entries', 'producers', 'credentials'] as const) {
    if (found[kind] === end[kind]) continue;
    const message = `The export has ${found[kind]} ${kind}, and should have ${end[kind]}. Export again.`;
    throw new JournalError('DAMAGED', message);
  }
}

class Filling {
  readonly #journal: Journal;
  readonly #clock: HistoryClock;
  readonly #rows = new Map<string, { readonly value: Uint8Array; readonly sequence: number }>();
  /** The entry of the history that last wrote each row; 0 if it deleted the row. */
  readonly #written = new Map<string, number>();
  #drafts: Draft[] = [];
  #bytes = 0;
  #producers: Transaction[] = [];
  readonly credentials: Credential[] = [];
  readonly counts: ExportEnd = { rows: 0, entries: 0, producers: 0, credentials: 0 };

  constructor(journal: Journal, clock: HistoryClock) {
    this.#journal = journal;
    this.#clock = clock;
  }

  async take(part: Part): Promise<void> {
    if (part.$case === 'row') {
      this.counts.rows += 1;
      this.#rows.set(part.value.key, part.value);
    } else if (part.$case === 'entry') {
      this.counts.entries += 1;
      await this.#takeEntry(part.value);
    } else if (part.$case === 'producer') {
      this.counts.producers += 1;
      await this.#takeProducer({ ...part.value, previous: 0 });
    } else if (part.$case === 'credential') {
      this.counts.credentials += 1;
      this.credentials.push(part.value);
    }
  }

  async #takeEntry({ sequence, key, value, ...draft }: ExportedEntry): Promise<void> {
    const atMs = timeOf(draft.event) ?? this.#clock.atMs;
    const fromMs = this.#clock.atMs ?? -Infinity;
    if (atMs !== undefined && Math.abs(atMs - fromMs) >= TIME_MS) {
      await this.#store();
      this.#clock.atMs = atMs;
    }
    if (key === undefined) return this.#add(draft);
    this.#written.set(key, value ? sequence : 0);
    return this.#add({ ...draft, key, value: value ?? null });
  }

  async #takeProducer(producer: Producer): Promise<void> {
    this.#producers.push({ producer, entries: [] });
    if (this.#producers.length >= ENTRIES) await this.#storeProducers();
  }

  /** Stores what waits, and corrects the rows that the history alone does not make. */
  async finish(): Promise<void> {
    await this.#store();
    this.#clock.atMs = undefined;
    for (const [key, sequence] of this.#written) {
      if (sequence === 0 || this.#rows.has(key)) continue;
      await this.#add({ ...HIDDEN, key, value: null });
    }
    for (const [key, { value, sequence }] of this.#rows) {
      if (this.#written.get(key) !== sequence) await this.#add({ ...HIDDEN, key, value });
    }
    await this.#store();
    await this.#storeProducers();
    await this.#add({ ...HIDDEN, ...ImportedHistory.row(this.#journal.head) });
    await this.#store();
  }

  async #add(draft: Draft): Promise<void> {
    const size = draft.event.length + (draft.value?.length ?? 0);
    if (this.#bytes + size > BYTES) await this.#store();
    this.#drafts.push(draft);
    this.#bytes += size;
    if (this.#drafts.length >= ENTRIES) await this.#store();
  }

  async #store(): Promise<void> {
    if (this.#drafts.length > 0) await this.#append([{ entries: this.#drafts }]);
    this.#drafts = [];
    this.#bytes = 0;
  }

  async #storeProducers(): Promise<void> {
    if (this.#producers.length > 0) await this.#append(this.#producers);
    this.#producers = [];
  }

  async #append(transactions: readonly Transaction[]): Promise<void> {
    const outcomes = await this.#journal.append(transactions);
    if (outcomes.some(({ kind }) => kind !== 'stored')) throw new Error('the journal is not empty');
  }
}

/** The time of an event; undefined if the entry is no event. */
function timeOf(event: Uint8Array): number | undefined {
  return event.length === 0 ? undefined : Event.decode(event).time?.getTime();
}
