/** A network with a kind of rows that only this test registers. */
import { expect } from 'chai';
import { JournalError } from '../../../server/journal/error.js';
import type { Draft } from '../../../server/journal/journal.js';
import { defaultLimits } from '../../../server/network/limits.js';
import { Network } from '../../../server/network/network.js';
import { TopicFilter } from '../../../server/topics/filter.js';
import { FakeClock } from '../../support/clock/fake-clock.js';
import { openJournal } from '../../support/model/coordinator.js';
import { rejectionOf } from '../../support/thrown.js';

const SECRET = 'secret';
const DAMAGED = 'damaged';

function put(name: string, value: string | null): Draft {
  const key = `nodes/${name}`;
  const bytes = value === null ? null : Buffer.from(value);
  return { topic: `nodes.${name}`, event: new Uint8Array(), source: '', key, value: bytes };
}

function open(journal = openJournal(new FakeClock())) {
  const clock = new FakeClock();
  const faults: unknown[] = [];
  const onFault = (error: unknown) => faults.push(error);
  const network = new Network({ journal, clock, limits: defaultLimits, onFault });
  // The rows of this subject are texts. The subject hides some of them from readers.
  const rows = network.table('nodes/', {
    decode: (bytes) => {
      const value = Buffer.from(bytes).toString();
      if (value === DAMAGED) throw new RangeError('not a row');
      return value;
    },
    resource: (value) =>
      value === SECRET ? undefined : { $case: 'node', value: { name: value } as never },
  });
  return { network, rows, journal, faults };
}

function shown(network: Network, ...patterns: string[]): unknown[] {
  return Array.from(network.resources(new TopicFilter(patterns)), (row) => [
    row?.resource?.$case === 'node' && row.resource.value.name,
    row?.sequence,
  ]);
}

describe('rows of a kind that a subject registers', () => {
  it('are in the table before the network calls a listener, and before the append resolves', async () => {
    const { network, rows } = open();
    const heard: unknown[] = [];
    network.onEntries(() => heard.push(rows.get('a')?.value, network.head.sequence));
    const outcome = await network.commit({ entries: [put('a', 'one')] });
    const sequence = outcome.kind === 'stored' ? outcome.first : 0;
    expect(heard).to.deep.equal(['one', sequence]);
    expect(rows.get('a')).to.deep.equal({ value: 'one', sequence });
  });

  it('are loaded from the journal, and rows without a table are ignored', async () => {
    const { network, journal } = open();
    const other = { ...put('a', 'one'), topic: 'else.a', key: 'else/a' };
    await network.commit({ entries: [put('a', 'one'), put('b', 'two'), other] });
    await network.commit({ entries: [put('a', null)] });
    const second = open(journal);
    expect(second.rows.size).to.equal(0);
    await second.network.load();
    expect(Array.from(second.rows.entries(), ([name]) => name)).to.deep.equal(['b']);
    expect(second.faults).to.be.empty;
  });

  it('cannot be loaded if one is damaged, and the error names it', async () => {
    const { network, journal } = open();
    await network.commit({ entries: [put('a', 'one'), put('b', DAMAGED)] });
    const error = await rejectionOf(JournalError, open(journal).network.load());
    expect(error.code).to.equal('DAMAGED');
    expect(error.message).to.include('"nodes/b"');
  });

  it('do not come back if another coordinator deletes them while they are loaded', async () => {
    const { network, journal } = open();
    await network.commit({ entries: [put('a', 'one'), put('b', 'two')] });
    const rows = journal.rows.bind(journal);
    // A journal whose rows come by several reads: the deletion falls between two of them.
    journal.rows = async function* (prefix) {
      const read = [];
      for await (const row of rows(prefix)) read.push(row);
      await network.commit({ entries: [put('a', null)] });
      yield* read;
    };
    const second = open(journal);
    await second.network.load();
    expect(Array.from(second.rows.entries(), ([name]) => name)).to.deep.equal(['b']);
  });

  it('are shown to readers whose patterns match, unless the subject hides them', async () => {
    const { network } = open();
    await network.commit({ entries: [put('b', 'two'), put('a', 'one'), put('c', SECRET)] });
    const names = (...patterns: string[]) => shown(network, ...patterns).map(String);
    expect(names('nodes.*').map((one) => one.split(',')[0])).to.deep.equal(['one', 'two']);
    expect(names('nodes.b').map((one) => one.split(',')[0])).to.deep.equal(['two']);
    expect(names('nodes.c', 'players.*', 'nodes.*.more')).to.deep.equal([]);
  });

  it('give their watchers the old row and the new row', async () => {
    const { network, rows } = open();
    const changes: unknown[] = [];
    rows.watch((name, before, after) => changes.push([name, before?.value, after?.value]));
    await network.commit({ entries: [put('a', 'one'), put('a', 'two')] });
    await network.commit({ entries: [put('a', null)] });
    expect(changes).to.deep.equal([
      ['a', undefined, 'one'],
      ['a', 'one', 'two'],
      ['a', 'two', undefined],
    ]);
  });
});
