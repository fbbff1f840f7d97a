/**
 * Several coordinators on a real Redis against the model of a journal: they append at the same time, and one order
 * explains all that they saw.
 */
import { expect } from 'chai';
import fc from 'fast-check';
import type { Entry, Outcome, Transaction } from '../../../server/journal/journal.js';
import { positionOf, shown, tableOf } from '../../support/journal/entries.js';
import { instanceOf, intendedCalls, JournalModel } from '../../support/journal/journal-model.js';
import { type Coordinator, RedisJournals } from '../../support/redis/redis-journals.js';
import { RedisServer } from '../../support/redis/redis-server.js';
import { until } from '../../support/until.js';

const WRITERS = 3;

/** A transaction, who appended it, and its outcome. */
interface Done {
  readonly transaction: Transaction;
  readonly outcome: Outcome;
}

describe('several coordinators and the model of a journal', () => {
  let server: RedisServer;
  let networks = 0;

  before(async () => {
    server = await RedisServer.start();
  });
  after(() => server.stop());

  /** Each writer takes its turn of the calls, and waits only for its own. It sees what its coordinator has. */
  async function write(
    writers: readonly Coordinator[],
    lists: readonly Intentions[],
  ): Promise<Done[]> {
    const done: Done[] = [];
    const lanes = writers.map(async ({ journal, received }, writer) => {
      const { sequence } = journal.oldest;
      for (const call of lists.filter((_, index) => index % writers.length === writer)) {
        const seen = modelOf(sequence, received);
        const transactions = call.map((intention) => seen.transactionOf(intention));
        const outcomes = await journal.append(transactions);
        for (const [index, transaction] of transactions.entries()) {
          const outcome = outcomes[index];
          if (outcome) done.push({ transaction, outcome });
        }
      }
    });
    await Promise.all(lanes);
    return done;
  }

  it('agree on one order that explains every outcome', async () => {
    const property = fc.asyncProperty(
      intendedCalls,
      fc.integer({ min: 1, max: 7 }),
      async (calls, limit) => {
        const journals = new RedisJournals(server.url, `p${++networks}`);
        try {
          const writers: Coordinator[] = [];
          while (writers.length < WRITERS) writers.push(await journals.open());
          const [first] = writers;
          if (!first) return;
          const start = first.journal.head;
          const done = await write(writers, calls);
          const newest = await first.journal.newest();
          await until(() =>
            writers.every(({ journal }) => journal.head.sequence === newest.sequence),
          );

          const entries = first.received.map(shown);
          for (const { received, journal } of writers) {
            expect(received.map(shown)).to.deep.equal(entries);
            expect(journal.head).to.deep.equal(newest);
            expect(journal.usage().entries).to.equal(entries.length);
          }
          check(done, start.sequence, first.received);
          const model = modelOf(start.sequence, first.received);
          for (const { journal } of writers) {
            expect(await tableOf(journal.rows(''))).to.deep.equal(new Map(model.rows));
          }
          for (const [index, at] of [
            start,
            ...first.received.map((one) => positionOf(start.epoch, one)),
          ].entries()) {
            const page = await writers[index % WRITERS]?.journal.read(at, limit);
            expect(page?.kind === 'page' && page.entries.map(shown)).to.deep.equal(
              entries.slice(index, index + limit),
            );
          }
        } finally {
          await journals.close();
        }
      },
    );
    await fc.assert(property, { numRuns: 60 });
  });
});

/** The intended transactions of one call. */
type Intentions = typeof intendedCalls extends fc.Arbitrary<(infer T)[]> ? T : never;

/** A model after these entries. */
function modelOf(sequence: number, entries: readonly Entry[]): JournalModel {
  const model = new JournalModel(sequence);
  for (const entry of entries) model.commit({ entries: [entry] });
  return model;
}

/**
 * Replays what was stored in the order of the log. A refusal must be right at some place: the row had that sequence, or
 * the producer that number, at one time.
 */
function check(done: readonly Done[], start: number, log: readonly Entry[]): void {
  const model = new JournalModel(start);
  const seen = new Set<string>();
  const note = (): void => {
    for (const key of ['nodes/a', 'nodes/b', 'nodes-2', 'state/x']) {
      seen.add(`${key} ${model.rows.get(key)?.sequence ?? 0}`);
    }
    for (const id of [0, 1, 2]) seen.add(`${id} ${model.producer(instanceOf(id)) ?? 'none'}`);
  };
  note();
  const stored = done.flatMap(({ transaction, outcome }) =>
    outcome.kind === 'stored' ? [{ transaction, first: outcome.first }] : [],
  );
  // A transaction without entries has the place before the entry of its number; its producer tells the order.
  const order = (one: { transaction: Transaction; first: number }): number[] => [
    one.first,
    one.transaction.entries.length === 0 ? 0 : 1,
    one.transaction.producer?.last ?? 0,
  ];
  stored.sort((left, right) => {
    const [a, b] = [order(left), order(right)];
    const at = a.findIndex((value, index) => value !== b[index]);
    return at < 0 ? 0 : (a[at] ?? 0) - (b[at] ?? 0);
  });
  for (const { transaction, first } of stored) {
    expect(model.commit(transaction)).to.deep.equal({ kind: 'stored', first });
    note();
  }
  expect(model.entries.map((entry) => shown({ ...entry, tag: 0 }))).to.deep.equal(log.map(shown));
  for (const { transaction, outcome } of done) {
    if (outcome.kind === 'conflict') {
      expect(
        transaction.require?.some(
          ({ key, sequence }) => key === outcome.key && sequence !== outcome.actual,
        ),
      ).to.equal(true);
      expect(seen).to.include(`${outcome.key} ${outcome.actual}`);
    }
    if (outcome.kind === 'producerAt') {
      const id = [0, 1, 2].find(
        (one) =>
          Buffer.compare(instanceOf(one), transaction.producer?.instance ?? new Uint8Array()) === 0,
      );
      expect(seen).to.include(`${id ?? ''} ${outcome.sequence}`);
    }
  }
}
