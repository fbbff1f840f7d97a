import { expect } from 'chai';
import { KelpieError } from '../../../server/core/errors.js';
import { Pages } from '../../../server/delivery/pages.js';
import { ReadingTurn } from '../../../server/delivery/reading-turn.js';
import { MemoryJournal } from '../../../server/journal/memory/memory-journal.js';
import { FakeClock } from '../../support/clock/fake-clock.js';
import { note } from '../../support/journal/entries.js';
import { settled } from '../../support/journal/history.js';
import { rejectionOf } from '../../support/thrown.js';

const limits = { events: 10, bytes: 1000 };

describe('pages for readers that are behind', () => {
  let clock: FakeClock;
  let journal: MemoryJournal;
  let fault: KelpieError | undefined;
  let pages: Pages;
  let reads: number;

  beforeEach(async () => {
    clock = new FakeClock();
    journal = new MemoryJournal(clock, { entries: 100, bytes: 2 ** 20, ageMs: 2 ** 40 });
    await journal.append([{ entries: [note('a')] }]);
    reads = 0;
    const read: MemoryJournal['read'] = async (...args) => {
      reads += 1;
      if (fault) throw fault;
      return journal.read(...args);
    };
    pages = new Pages({ read }, new ReadingTurn(clock), clock);
    fault = undefined;
  });

  const away = (retryAfterMs: number) =>
    new KelpieError('ENGINE_UNAVAILABLE', 'away', {}, { retryAfterMs });

  it('let readers wait while the engine is away, all of them with one reading', async () => {
    fault = away(1000);
    const answers: unknown[] = [];
    const read = () => pages.read(journal.oldest, limits).then((page) => answers.push(page));
    const both = Promise.all([read(), read()]);
    await settled();
    clock.advance(999);
    await settled();
    expect([answers, reads]).to.deep.equal([[], 1]);
    clock.advance(1);
    await both;
    expect(answers).to.deep.equal([undefined, undefined]);
    fault = undefined;
    const page = await pages.read(journal.oldest, limits);
    expect(page?.kind === 'page' && page.entries).to.have.length(1);
  });

  it('end readers with every other error', async () => {
    fault = new KelpieError('EPOCH_ENDED', 'ended');
    const error = await rejectionOf(KelpieError, pages.read(journal.oldest, limits));
    expect(error.reason).to.equal('EPOCH_ENDED');
  });
});
