import { expect } from 'chai';
import type { Page } from '../../../server/journal/journal.js';
import { note } from '../../support/journal/entries.js';
import { openCoordinator } from '../../support/model/coordinator.js';

const limits = { events: 10, bytes: 2 ** 20 };

describe('pages of a network’s journal', () => {
  it('are read once for all readers that want the same page at the same time, and again later', async () => {
    const { pages, network, journal } = await openCoordinator();
    const start = journal.head;
    await network.commit({ entries: [note('a')] });
    const readings: (() => void)[] = [];
    const read = journal.read.bind(journal);
    journal.read = async (after, limit, bytes) => {
      await new Promise<void>((resolve) => readings.push(resolve));
      return read(after, limit, bytes);
    };
    const same = [start, { ...start }].map((after) => pages.read(after, limits));
    const other = pages.read({ ...start, tag: start.tag + 1 }, limits);
    expect(readings, 'another tag is another page').to.have.length(2);
    for (const finish of readings) finish();
    const [one, two] = await Promise.all(same);
    expect((one as Page).entries).to.have.length(1);
    expect(two).to.equal(one);
    expect((await other)?.kind).to.equal('gap');
    const later = pages.read(start, limits);
    expect(readings).to.have.length(3);
    readings.at(-1)?.();
    expect((await later)?.kind).to.equal('page');
  });

  it('fail for all readers that share them, and are read again after that', async () => {
    const { pages, journal } = await openCoordinator();
    const read = journal.read.bind(journal);
    journal.read = () => Promise.reject(new Error('the disk is gone'));
    const both = [1, 2].map(() => pages.read(journal.head, limits).catch(String));
    expect(await Promise.all(both)).to.deep.equal([
      'Error: the disk is gone',
      'Error: the disk is gone',
    ]);
    journal.read = read;
    expect((await pages.read(journal.head, limits))?.kind).to.equal('page');
  });
});
