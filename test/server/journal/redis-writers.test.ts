/** Several coordinators store in one Redis: one order, and every listener gets every entry once. */
import { expect } from 'chai';
import type { Draft, Outcome } from '../../../server/journal/journal.js';
import { FakeClock } from '../../support/clock/fake-clock.js';
import { note, shown, tableOf, textsOf, write } from '../../support/journal/entries.js';
import { instanceOf } from '../../support/journal/journal-model.js';
import { type Coordinator, RedisJournals } from '../../support/redis/redis-journals.js';
import { RedisServer } from '../../support/redis/redis-server.js';
import { until } from '../../support/until.js';

describe('several coordinators on one Redis', () => {
  let server: RedisServer;
  let journals: RedisJournals;
  let a: Coordinator;
  let b: Coordinator;
  let networks = 0;

  before(async () => {
    server = await RedisServer.start();
  });
  after(() => server.stop());
  beforeEach(async () => {
    journals = new RedisJournals(server.url, `w${++networks}`);
    [a, b] = [await journals.open(), await journals.open()];
  });
  afterEach(() => journals.close());

  const say = async ({ journal }: Coordinator, ...drafts: Draft[]): Promise<number> => {
    const [outcome] = await journal.append([{ entries: drafts }]);
    return firstOf(outcome);
  };

  /** Waits until both have all that is stored. */
  const level = async (): Promise<void> => {
    const { sequence } = await a.journal.newest();
    await until(() => [a, b].every(({ journal }) => journal.head.sequence >= sequence));
  };

  const listening = async (): Promise<number> => {
    const answer = await server.command('PUBSUB', 'NUMSUB', `kelpie:{w${networks}}:bell`);
    return Number(answer.split('\n')[1]);
  };

  it('have one epoch, and get the entries of each other in one order, each once', async () => {
    const texts = Array.from({ length: 200 }, (_, index) => `${index}`);
    await Promise.all(
      [a, b].map(async (one, index) => {
        for (const text of texts) await say(one, note(`${index} ${text}`));
      }),
    );
    await level();
    expect(a.journal.head).to.deep.equal(b.journal.head);
    expect(a.received.map(shown)).to.deep.equal(b.received.map(shown));
    expect(a.received.map(({ tag }) => tag)).to.deep.equal(b.received.map(({ tag }) => tag));
    for (const index of [0, 1]) {
      const own = textsOf({ entries: a.received }).filter((text) => text.startsWith(`${index} `));
      expect(own).to.deep.equal(texts.map((text) => `${index} ${text}`));
    }
  });

  it('acknowledge an entry after the own listeners have all entries before it', async () => {
    let wrong = 0;
    await Promise.all(
      [a, b].map(async (one) => {
        for (let index = 0; index < 100; index++) {
          const sequence = await say(one, note('x'));
          if ((one.received.at(-1)?.sequence ?? 0) < sequence) wrong += 1;
        }
      }),
    );
    expect(wrong).to.equal(0);
    const sequences = a.received.map(({ sequence }) => sequence);
    expect(sequences).to.deep.equal(sequences.map((_, index) => (sequences[0] ?? 0) + index));
  });

  it('judge conditions by the writes of each other', async () => {
    const absent = { require: [{ key: 'nodes/a', sequence: 0 }], entries: [write('nodes/a', '1')] };
    const outcomes = await Promise.all([a, b].map(({ journal }) => journal.append([absent])));
    expect(outcomes.flat().map(({ kind }) => kind)).to.have.members(['stored', 'conflict']);
    const sequence = firstOf(outcomes.flat().find(({ kind }) => kind === 'stored'));
    await say(b, write('nodes/a', null));
    expect(
      await a.journal.append([{ ...absent, require: [{ key: 'nodes/a', sequence }] }]),
    ).to.deep.equal([{ kind: 'conflict', key: 'nodes/a', actual: 0 }]);
  });

  it('report a conflict after the own listeners have the entry that made it', async () => {
    for (let round = 0; round < 50; round++) {
      const key = `nodes/${round}`;
      const transaction = { require: [{ key, sequence: 0 }], entries: [write(key, 'x')] };
      await Promise.all(
        [a, b].map(async ({ journal, received }) => {
          const [outcome] = await journal.append([transaction]);
          const sequence = outcome?.kind === 'conflict' ? outcome.actual : firstOf(outcome);
          expect(received.some((entry) => entry.sequence === sequence)).to.equal(true);
        }),
      );
    }
  });

  it('number the publishes of a producer together', async () => {
    const instance = instanceOf(1);
    const publish = ({ journal }: Coordinator, previous: number) =>
      journal.append([
        { producer: { instance, previous, last: previous + 1 }, entries: [note('x')] },
      ]);
    await publish(a, 4);
    expect(await b.journal.producer(instance)).to.equal(5);
    await publish(b, 5);
    expect(await publish(a, 5)).to.deep.equal([{ kind: 'producerAt', sequence: 6 }]);
  });

  it('know the newest position before they have the entries', async () => {
    const sequence = await say(a, note('x'));
    expect((await b.journal.newest()).sequence).to.equal(sequence);
    await level();
    expect(b.journal.head).to.deep.equal(await a.journal.newest());
  });

  it('read and list what each other stored, from cursors of each other', async () => {
    const start = a.journal.head;
    await say(a, note('a'), write('nodes/a', '1'));
    const cursor = a.journal.head;
    await say(b, note('b'));
    // B may be behind the cursor: it catches up first.
    const rest = await b.journal.read(cursor, 10);
    expect(rest.kind === 'page' && textsOf(rest)).to.deep.equal(['b']);
    const all = await b.journal.read(start, 10);
    expect(all.kind === 'page' && textsOf(all)).to.have.length(3);
    expect(await tableOf(b.journal.rows('nodes/'))).to.have.keys('nodes/a');
  });

  it('take a cursor of another coordinator that is ahead of them', async () => {
    for (let index = 0; index < 100; index++) {
      await say(a, note(`${index}`));
      const answer = await b.journal.read(a.journal.head, 10);
      expect(answer.kind).to.equal('page');
    }
  });

  it('have the same ends and the same usage, whoever stored', async () => {
    await journals.close();
    const retention = { entries: 20, topics: [{ prefix: 'chat', entries: 3 }] };
    [a, b] = [await journals.open(retention), await journals.open(retention)];
    for (let index = 0; index < 40; index++) {
      const one = index % 3 === 0 ? b : a;
      await say(
        one,
        note(`${index}`, index % 2 === 0 ? 'chat.x' : `shop.s${index % 5}`),
        note('y', 'z'),
      );
    }
    await level();
    const usageOf = ({ journal }: Coordinator) => {
      const { topics, ...usage } = journal.usage();
      return { ...usage, topics: topics.toSorted((x, y) => (x.topic < y.topic ? -1 : 1)) };
    };
    expect(usageOf(a)).to.deep.equal(usageOf(b));
    expect(a.journal.oldest).to.deep.equal(b.journal.oldest);
    const late = await journals.open(retention);
    expect(usageOf(late)).to.deep.equal(usageOf(a));
    expect(late.journal.oldest).to.deep.equal(a.journal.oldest);
    expect(late.journal.head).to.deep.equal(a.journal.head);
    const pages = await Promise.all(
      [a, b, late].map(({ journal }) => journal.read(journal.oldest, 100)),
    );
    expect(pages[1]).to.deep.equal(pages[0]);
    expect(pages[2]).to.deep.equal(pages[0]);
  });

  it('go on where a coordinator stopped', async () => {
    await say(a, note('a'), write('nodes/a', '1'));
    const { head } = a.journal;
    await journals.close();
    const next = await journals.open();
    expect(next.journal.head).to.deep.equal(head);
    expect(next.journal.usage().entries).to.equal(2);
    expect(await tableOf(next.journal.rows(''))).to.have.keys('nodes/a');
  });

  it('get from one message all entries of a call, also those with a retention of their own', async () => {
    const topics = [{ prefix: 'audit', entries: 2 }];
    // Its clock stands still: it never looks at the stream by itself.
    const reader = await journals.open({ topics }, new FakeClock());
    a = await journals.open({ topics });
    while ((await listening()) < 4);
    await reader.journal.newest();
    const { commands } = reader.connection.sums;
    const names = ['chat.a', 'audit.a', 'audit.b', 'chat.b', 'audit.c'];
    await say(a, ...names.map((name) => note(`of ${name}`, name)));
    await until(() => reader.received.length === names.length);
    expect(reader.received.map(({ topic }) => topic)).to.deep.equal(names);
    expect(reader.journal.usage()).to.deep.equal(a.journal.usage());
    expect(reader.connection.sums.commands).to.equal(commands);
  });

  it('get large entries, which come in no message', async () => {
    const text = 'x'.repeat(100_000);
    await say(a, note(text), write('nodes/a', text));
    await level();
    expect(b.received.map(shown)).to.deep.equal(a.received.map(shown));
  });

  it('split what is more than a call takes, and keep its order', async () => {
    const transactions = Array.from({ length: 900 }, (_, index) => ({
      entries: [note(`${index}`)],
    }));
    const [outcomes] = await Promise.all([a.journal.append(transactions), say(b, note('b'))]);
    await level();
    const own = a.received.filter(({ event }) => Buffer.from(event).toString() !== 'b');
    expect(textsOf({ entries: own })).to.deep.equal(transactions.map((_, index) => `${index}`));
    expect(outcomes.map(firstOf)).to.deep.equal(own.map(({ sequence }) => sequence));
    expect(new Set(own.map(({ tag }) => tag)).size).to.be.at.least(4);
  });
});

function firstOf(outcome: Outcome | undefined): number {
  if (outcome?.kind === 'stored') return outcome.first;
  throw new Error(`not stored: ${JSON.stringify(outcome)}`);
}
