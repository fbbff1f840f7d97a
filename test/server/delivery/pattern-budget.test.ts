import { expect } from 'chai';
import fc from 'fast-check';
import { StartAt } from '../../../gen/ts/kelpie/v1/cursor.js';
import { KelpieError } from '../../../server/core/errors.js';
import { TopicFilter } from '../../../server/topics/filter.js';
import { PatternBudget } from '../../../server/delivery/pattern-budget.js';
import { settled } from '../../support/journal/history.js';
import { after, hello, openCoordinator, TestStream } from '../../support/model/coordinator.js';
import { thrownBy } from '../../support/thrown.js';

const filterOf = (count: number, bytes: number) =>
  new TopicFilter(Array.from({ length: count }, (_, at) => `${at}`.padStart(bytes, 't')));

const limits = {
  patterns: 10,
  longPatterns: 2,
  patternBytes: 1000,
  connectionPatternMemory: 10_000,
  peerPatternMemory: 15_000,
  patternMemory: 25_000,
};

describe('the patterns of readers', () => {
  it('are limited for one reader, by count and by bytes', () => {
    const hold = new PatternBudget(limits).hold('a', 'peer');
    const long = new TopicFilter(['a.b.c.d.*', 'a.*.c.d.e', 'a.*.c.d.f']);
    for (const filter of [filterOf(11, 10), filterOf(5, 201), long]) {
      const { reason } = thrownBy(KelpieError, () => hold.take(filter));
      expect(reason).to.equal('PATTERN_LIMIT');
    }
    hold.take(filterOf(10, 100));
    hold.take(new TopicFilter(['a.b.c.d.*', 'a.b.c.d.>', 'a.*.c.d', 'a.b.c.d.e', 'a.*.c.d.f']));
  });

  it('are limited for all readers of a connection, and for all readers together', () => {
    const budget = new PatternBudget(limits);
    const fill = (connection: string, peer = connection) => {
      for (let count = 0; ; count++) {
        try {
          budget.hold(connection, peer).take(filterOf(10, 50));
        } catch (error) {
          expect((error as KelpieError).reason).to.equal('PATTERN_LIMIT');
          return count;
        }
      }
    };
    const each = fill('a');
    expect(each).to.be.greaterThan(0);
    expect([fill('a'), fill('b')], 'other connections have their own budget').to.deep.equal([
      0,
      each,
    ]);
    fill('c');
    expect(budget.taken).to.be.at.most(25_000);
    expect(fill('d'), 'nothing is left').to.equal(0);
  });

  it('are limited for all connections of a peer', () => {
    const budget = new PatternBudget(limits);
    const take = (connection: string, peer: string) =>
      budget.hold(connection, peer).take(filterOf(10, 90));
    for (const connection of ['a', 'b', 'c', 'd']) take(connection, 'one');
    expect(thrownBy(KelpieError, () => take('e', 'one')).message).to.match(/credential or address/);
    take('e', 'two');
  });

  it('are counted right after any order of admissions, refusals and releases', () => {
    const step = fc.record({
      reader: fc.nat({ max: 9 }),
      patterns: fc.nat({ max: 12 }),
      release: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const budget = new PatternBudget(limits);
        const readers = Array.from({ length: 10 }, (_, at) =>
          budget.hold(`c${at % 3}`, `p${at % 2}`),
        );
        for (const { reader, patterns, release } of steps) {
          const before = budget.taken;
          if (release) readers[reader]?.release();
          try {
            readers[reader]?.take(filterOf(patterns, 20));
          } catch {
            if (!release) expect(budget.taken).to.equal(before);
          }
          expect(budget.taken).to.be.within(0, limits.patternMemory);
        }
        for (const reader of readers) reader.release();
        expect(budget.taken).to.equal(0);
      }),
    );
  });

  it('are released at every kind of end of their session', async () => {
    const { port, patterns } = await openCoordinator();
    const topics = ['chat.*', 'shop.>'];
    const first = new TestStream(port);
    first.send({ $case: 'hello', value: hello('lobby-1', { topics }) });
    await first.next('welcome');
    const one = patterns.taken;
    expect(one).to.be.greaterThan(0);
    const value = { addedTopics: ['more'], removedTopics: [], startAt: StartAt.LATEST };
    first.send({ $case: 'updateSubscription', value });
    await first.next('subscriptionUpdated');
    expect(patterns.taken).to.be.greaterThan(one);

    const refused = new TestStream(port);
    refused.send({ $case: 'hello', value: hello('no such name!', { topics }) });
    await refused.ended();
    const halfway = new TestStream(port);
    halfway.send({ $case: 'hello', value: hello('lobby-1', { topics }) });
    await settled();
    await halfway.cut();

    await first.cut();
    await settled();
    expect(patterns.taken).to.equal(0);
  });

  it('cost no work if there are too many', async () => {
    const { port } = await openCoordinator();
    const stream = new TestStream(port);
    stream.send({ $case: 'hello', value: hello('lobby-1') });
    await stream.next('welcome');
    const many = Array.from({ length: 100_000 }, () => 'not a pattern!');
    for (const value of [
      { addedTopics: many, removedTopics: [], startAt: StartAt.LATEST },
      { addedTopics: [], removedTopics: many, startAt: StartAt.LATEST },
    ]) {
      stream.send({ $case: 'updateSubscription', value });
      expect((await stream.next('requestFailed')).error?.message).to.contain('100000 patterns');
    }
    await stream.cut();
  });
});

describe('a Snapshot that a node did not get', () => {
  it('is sent when the node adds a present pattern again', async () => {
    const { port } = await openCoordinator();
    const stream = new TestStream(port);
    stream.send({ $case: 'hello', value: hello('lobby-1') });
    const { cursor } = await stream.next('welcome');
    await stream.cut();
    const next = new TestStream(port);
    const start = cursor && after(cursor);
    next.send({ $case: 'hello', value: hello('lobby-2', { topics: ['nodes.*'], start }) });
    await next.next('welcome');
    const value = { addedTopics: ['nodes.*'], removedTopics: [], startAt: StartAt.SNAPSHOT };
    next.send({ $case: 'updateSubscription', value });
    const { rows, topics, complete } = await next.next('snapshot');
    expect({ topics, complete }).to.deep.equal({ topics: ['nodes.*'], complete: true });
    expect(rows).to.have.length(2);
    await next.cut();
  });
});
