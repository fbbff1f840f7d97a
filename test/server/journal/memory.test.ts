import { expect } from 'chai';
import { MemoryJournal } from '../../../server/journal/memory/memory-journal.js';
import { journalContract } from '../../contract/journal.js';
import { note, textsOf } from '../../support/journal/entries.js';
import { FakeClock } from '../../support/clock/fake-clock.js';
import { instanceOf } from '../../support/journal/journal-model.js';

const retention = { entries: 10_000, bytes: 2 ** 30, ageMs: 2 ** 40 };
const PRODUCERS = 100_000;
const DAY_MS = 24 * 60 * 60 * 1000;

journalContract(
  'memory',
  async ({ clock, retention: kept, onListenerFault }) =>
    new MemoryJournal(clock, kept, onListenerFault),
);

describe('the journal in memory', () => {
  let clock: FakeClock;
  let journal: MemoryJournal;

  beforeEach(() => {
    clock = new FakeClock();
    journal = new MemoryJournal(clock, retention);
  });

  /** Moves a producer's number on by one. */
  const move = async (id: number, previous = 0): Promise<void> => {
    const producer = { instance: instanceOf(id), previous, last: previous + 1 };
    const [outcome] = await journal.append([{ producer, entries: [] }]);
    expect(outcome?.kind).to.equal('stored');
  };

  const numberOf = (id: number): Promise<number | undefined> => journal.producer(instanceOf(id));

  it('has the durability NONE', () => {
    expect(journal.durability).to.equal('NONE');
  });

  it('begins a new epoch with each start', async () => {
    await journal.append([{ entries: [note('a')] }]);
    const { head } = journal;
    const next = new MemoryJournal(clock, retention);
    expect(next.head.epoch).to.not.deep.equal(head.epoch);
    const answer = await next.read(head, 10);
    expect(answer.kind === 'gap' && answer.reason).to.equal('EPOCH_CHANGED');
  });

  it('begins above every sequence of its former epoch, unless the calendar clock ran back', async () => {
    for (let ms = 0; ms < 20; ms++) {
      const entries = Array.from({ length: 500 }, () => note('x'));
      await journal.append([{ entries }]);
      clock.advance(1);
    }
    const next = new MemoryJournal(clock, retention);
    const [outcome] = await next.append([{ entries: [note('first')] }]);
    expect(outcome?.kind === 'stored' && outcome.first).to.be.greaterThan(journal.head.sequence);
    expect(Number.isSafeInteger(next.head.sequence)).to.equal(true);
  });

  it('can be read after its last removed entry, also if that lies in the middle of a call', async () => {
    const small = new MemoryJournal(clock, { ...retention, entries: 2 });
    await small.append([{ entries: ['a', 'b', 'c', 'd', 'e'].map((text) => note(text)) }]);
    const answer = await small.read(small.oldest, 10);
    expect(answer.kind === 'page' && textsOf(answer)).to.deep.equal(['d', 'e']);
  });

  it('stays right while it removes far more entries than it keeps', async () => {
    const small = new MemoryJournal(clock, { ...retention, entries: 100 });
    for (let call = 0; call < 60; call++) {
      const texts = Array.from({ length: 97 }, (_, index) => `${call}/${index}`);
      await small.append([{ entries: texts.map((text) => note(text)) }]);
      const answer = await small.read(small.oldest, 1000);
      const kept = answer.kind === 'page' ? textsOf(answer) : [];
      expect(kept.slice(-97)).to.deep.equal(texts);
      expect(kept).to.have.length(Math.min(100, 97 * (call + 1)));
      expect(small.usage().entries).to.equal(kept.length);
    }
  });

  it('stays right while topics with a retention of their own lose far more entries than they keep', async () => {
    const topics = [{ prefix: 'metrics', entries: 10 }];
    const busy = new MemoryJournal(clock, { ...retention, entries: 1000, topics });
    const start = busy.oldest;
    const appended: string[] = [];
    for (let call = 0; call < 500; call++) {
      const noise = Array.from({ length: 40 }, () => note('noise', 'metrics.tps'));
      appended.push(`${call}`);
      await busy.append([{ entries: [...noise, note(`${call}`)] }]);
      clock.advance(1000);
    }
    const answer = await busy.read(start, 10_000);
    if (answer.kind === 'gap') throw new Error(answer.reason);
    expect(textsOf(answer).filter((text) => text !== 'noise')).to.deep.equal(appended);
    expect(answer.entries).to.have.length(510);
    expect(answer.missing.map(({ prefix }) => prefix)).to.deep.equal(['metrics']);
    for (const calls of [1, 7, 123, 499]) {
      const page = await busy.read(await busy.since(calls * 1000), 10_000);
      const texts = page.kind === 'page' ? textsOf(page) : [];
      expect(texts.filter((text) => text !== 'noise')).to.deep.equal(appended.slice(-calls));
    }
    for (const text of appended.slice(0, 600)) await busy.append([{ entries: [note(text)] }]);
    expect(busy.usage().entries).to.equal(1000);
  });

  it('forgets the producer that wrote least recently when there are more than 100,000', async () => {
    await move(0);
    await move(1);
    await journal.append(
      Array.from({ length: PRODUCERS - 2 }, (_, index) => ({
        producer: { instance: instanceOf(2 + index), previous: 0, last: 1 },
        entries: [],
      })),
    );
    expect([await numberOf(0), await numberOf(1), await numberOf(PRODUCERS - 1)]).to.deep.equal([
      1, 1, 1,
    ]);

    await move(0, 1);
    await move(PRODUCERS);
    expect(await numberOf(1)).to.equal(undefined);
    expect([await numberOf(0), await numberOf(2), await numberOf(PRODUCERS)]).to.deep.equal([
      2, 1, 1,
    ]);
  });

  it('forgets a producer 24 hours after it last wrote', async () => {
    await move(0);
    clock.advance(DAY_MS - 1);
    expect(await numberOf(0)).to.equal(1);
    await move(0, 1);
    clock.advance(DAY_MS - 1);
    expect(await numberOf(0)).to.equal(2);
    clock.advance(1);
    expect(await numberOf(0)).to.equal(undefined);
    await move(0, 70);
    expect(await numberOf(0)).to.equal(71);
  });

  it('does not age producers by the calendar clock', async () => {
    await move(0);
    clock.setWall(clock.wall() + 2 * DAY_MS);
    expect(await numberOf(0)).to.equal(1);
  });

  it('does not count a refused write as a use of a producer', async () => {
    await move(0);
    clock.advance(DAY_MS / 2);
    const producer = { instance: instanceOf(0), previous: 9, last: 10 };
    await journal.append([{ producer, entries: [note('no')] }]);
    clock.advance(DAY_MS / 2);
    expect(await numberOf(0)).to.equal(undefined);
  });
});
