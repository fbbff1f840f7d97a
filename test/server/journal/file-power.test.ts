/**
 * After a power cut at any moment, the journal must still hold everything that it acknowledged or showed. The store
 * drops unsynced commits. Planted faults, in the store and in front of the journal, prove that the test finds them.
 */
import { expect } from 'chai';
import fc from 'fast-check';
import { hex } from '../../../server/core/cursor.js';
import type { FileJournal } from '../../../server/journal/file/file-journal.js';
import type { Journal, Outcome, Transaction } from '../../../server/journal/journal.js';
import { dataFolder, removeDataFolders } from '../../support/process/data-folder.js';
import { note, tableOf, textsOf, write } from '../../support/journal/entries.js';
import { FakeClock } from '../../support/clock/fake-clock.js';
import { openFile } from '../../support/journal/file-journals.js';
import { instanceOf } from '../../support/journal/journal-model.js';
import { Disk, PowerStore, type StoreFault } from '../../support/journal/power-store.js';

type Fault = StoreFault | 'repeats acknowledged before their commit';

type Step =
  | { readonly kind: 'append'; readonly producer: number; readonly repeat: boolean }
  | { readonly kind: 'turns'; readonly count: number }
  | { readonly kind: 'finish' | 'look' };

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    fc.record({
      kind: fc.constant('append' as const),
      producer: fc.nat({ max: 2 }),
      repeat: fc.boolean(),
    }),
    fc.record({ kind: fc.constant('turns' as const), count: fc.integer({ min: 1, max: 4 }) }),
    fc.record({ kind: fc.constantFrom('finish' as const, 'look' as const) }),
  ),
  { minLength: 3, maxLength: 25 },
);

/** Everything that the journal acknowledged or showed. */
class Seen {
  readonly entries = new Map<number, string>();
  readonly rows = new Map<string, number>();
  readonly producers = new Map<number, number>();
  head = 0;

  /** Reads everything that the journal shows. */
  async look(journal: Journal): Promise<void> {
    this.head = Math.max(this.head, journal.head.sequence);
    const answer = await journal.read(journal.oldest, 1000);
    if (answer.kind === 'gap') throw new Error(answer.reason);
    textsOf(answer).forEach((text, index) => {
      this.entries.set(answer.entries[index]?.sequence ?? 0, text);
    });
    for (const [key, { sequence }] of await tableOf(journal.rows(''))) this.rows.set(key, sequence);
    for (const id of [0, 1, 2]) this.number(id, await journal.producer(instanceOf(id)));
  }

  number(id: number, last = 0): void {
    this.producers.set(id, Math.max(last, this.producers.get(id) ?? 0));
  }

  /** `now` must contain everything of this. Rows may be newer, numbers higher. */
  expectIn(now: Seen): void {
    for (const [sequence, text] of this.entries) expect(now.entries.get(sequence)).to.equal(text);
    for (const [key, sequence] of this.rows) {
      expect(now.rows.get(key) ?? 0).to.be.at.least(sequence);
    }
    for (const [id, last] of this.producers) {
      expect(now.producers.get(id) ?? 0).to.be.at.least(last);
    }
    expect(now.head).to.be.at.least(this.head);
  }
}

/** The life of a journal up to a power cut, with a writer that sometimes repeats a transaction. */
class Life {
  readonly seen = new Seen();
  readonly #journal: FileJournal;
  readonly #store: PowerStore;
  readonly #fault: Fault | undefined;
  readonly #last = new Map<number, number>();
  readonly #calls: Promise<unknown>[] = [];

  constructor(journal: FileJournal, store: PowerStore, fault: Fault | undefined) {
    this.#journal = journal;
    this.#store = store;
    this.#fault = fault;
  }

  async run(wanted: readonly Step[]): Promise<void> {
    for (const step of wanted) {
      if (step.kind === 'append') this.#append(step.producer, step.repeat);
      if (step.kind === 'finish') this.#store.finish();
      if (step.kind === 'look') await this.seen.look(this.#journal);
      if (step.kind !== 'turns') continue;
      for (let turn = 0; turn < step.count; turn++) await new Promise((go) => setImmediate(go));
    }
    this.#store.cut();
    await Promise.all(this.#calls);
    await this.#journal.close();
  }

  #append(id: number, repeat: boolean): void {
    const last = this.#last.get(id) ?? 0;
    const previous = repeat && last > 0 ? last - 1 : last;
    this.#last.set(id, Math.max(last, previous + 1));
    const producer = { instance: instanceOf(id), previous, last: previous + 1 };
    const text = `${id} ${previous + 1}`;
    const entries = [note(text), write(`nodes/${id}`, text)];
    const call = this.#call({ producer, entries }, previous < last);
    this.#calls.push(
      call.then(
        ([outcome]) => this.#acknowledged(id, outcome, text),
        () => undefined,
      ),
    );
  }

  async #call(transaction: Transaction, repeated: boolean): Promise<Outcome[]> {
    const outcomes = this.#journal.append([transaction]);
    if (this.#fault !== 'repeats acknowledged before their commit' || !repeated) return outcomes;
    outcomes.catch(() => undefined);
    return [{ kind: 'producerAt', sequence: transaction.producer?.last ?? 0 }];
  }

  #acknowledged(id: number, outcome: Outcome | undefined, text: string): void {
    if (outcome?.kind === 'producerAt') this.seen.number(id, outcome.sequence);
    if (outcome?.kind !== 'stored') return;
    this.seen.entries.set(outcome.first, text);
    this.seen.rows.set(`nodes/${id}`, outcome.first + 1);
    this.seen.head = Math.max(this.seen.head, outcome.first + 1);
  }
}

describe('a power cut at any moment', () => {
  afterEach(removeDataFolders);

  const check = async (lives: readonly Step[][], fault?: Fault): Promise<void> => {
    const folder = dataFolder();
    const disk = new Disk();
    const planted = fault === 'repeats acknowledged before their commit' ? undefined : fault;
    let former: Seen | undefined;
    let epoch: string | undefined;
    for (const wanted of [...lives, []]) {
      let store: PowerStore | undefined;
      const journal = await openFile(folder, {
        clock: new FakeClock(),
        openStore: (options) => (store = new PowerStore(options, disk, planted)),
      });
      if (!store) throw new Error('no store was opened');
      expect((epoch ??= hex(journal.head.epoch))).to.equal(hex(journal.head.epoch));
      store.manual = true;
      const life = new Life(journal, store, fault);
      await life.seen.look(journal);
      former?.expectIn(life.seen);
      await life.run(wanted);
      former = life.seen;
    }
  };

  const livesOf = fc.array(steps, { minLength: 1, maxLength: 3 });

  it('loses nothing that the journal acknowledged or showed', async () => {
    await fc.assert(
      fc.asyncProperty(livesOf, (lives) => check(lives)),
      { numRuns: 150 },
    );
  });

  for (const fault of [
    'acknowledged before it is synced',
    'read before it is synced',
    'repeats acknowledged before their commit',
  ] as const) {
    it(`loses something if a fault is planted: ${fault}`, async () => {
      const found = await fc.check(
        fc.asyncProperty(livesOf, (lives) => check(lives, fault)),
        { numRuns: 300 },
      );
      expect(found.failed).to.equal(true);
      expect(String(found.errorInstance)).to.include('expected');
    });
  }
});
