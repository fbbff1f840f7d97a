/** How much Redis keeps: what retention removed goes from Redis too, after the others had time to get it. */
import { expect } from 'chai';
import { realClock } from '../../../server/core/real-clock.js';
import { FaultProxy } from '../../support/faults/fault-proxy.js';
import { note, textsOf } from '../../support/journal/entries.js';
import { type Coordinator, RedisJournals } from '../../support/redis/redis-journals.js';
import { RedisServer } from '../../support/redis/redis-server.js';
import { until } from '../../support/until.js';

const DAY_MS = 86_400_000;
const META = 'kelpie:{main}:meta';
const LOG = 'kelpie:{main}:log';
const OWN = 'kelpie:{main}:own';
const retention = { entries: 200, topics: [{ prefix: 'metrics', entries: 3 }] };

describe('the memory of Redis for a journal', () => {
  let server: RedisServer;
  let journals: RedisJournals;

  before(async () => {
    server = await RedisServer.start();
  });
  after(() => server.stop());
  beforeEach(async () => {
    await server.command('FLUSHALL');
    journals = new RedisJournals(server.url);
  });
  afterEach(() => journals.close());

  const number = async (...command: string[]): Promise<number> =>
    Number(await server.command(...command));

  /** Alternates entries of both kinds, each in a call of its own. */
  const fill = async ({ journal }: Coordinator, count: number): Promise<void> => {
    for (let index = 0; index < count; index++) {
      await journal.append([
        { entries: [note(`${index}`, index % 2 === 0 ? 'metrics.tps' : 'chat')] },
      ]);
    }
  };
  /** Lets the time pass after which Redis removes what retention removed. */
  const later = () => server.command('HINCRBY', META, 'markLife', '-10000');

  it('is freed some seconds after retention has removed entries', async () => {
    const one = await journals.open(retention);
    await fill(one, 1000);
    expect(await number('XLEN', LOG)).to.equal(1000);
    for (let round = 0; round < 2; round++) {
      await later();
      await fill(one, 2);
    }
    // Each append removes some runs of topics with a retention of their own.
    await fill(one, 100);
    // The stream loses nodes of 100 runs at once.
    expect(await number('XLEN', LOG)).to.be.within(103, 500);
    expect(await number('ZCARD', OWN)).to.be.at.most(60);
    const page = await one.journal.read(one.journal.oldest, 1000);
    expect(page.kind === 'page' && page.entries.length).to.equal(one.journal.usage().entries);
    expect(one.journal.usage().own[0]?.entries).to.equal(3);
  });

  it('keeps entries for a coordinator that is behind, although retention has removed them', async () => {
    const proxy = await FaultProxy.before(server.port);
    const one = await journals.open(retention);
    const two = await journals.open(retention, undefined, `redis://127.0.0.1:${proxy.port}`);
    proxy.refuse();
    await fill(one, 400);
    proxy.heal();
    await until(() => two.received.length === 400);
    expect(textsOf({ entries: two.received })).to.deep.equal(textsOf({ entries: one.received }));
    const page = await two.journal.read(two.journal.oldest, 1000);
    expect(page.kind === 'page' && page.entries.length).to.equal(200);
    await journals.close();
    await proxy.close();
  });

  it('ends the journal of a coordinator that is too far behind, and not the epoch', async () => {
    const proxy = await FaultProxy.before(server.port);
    const one = await journals.open(retention);
    const two = await journals.open(retention, undefined, `redis://127.0.0.1:${proxy.port}`);
    await fill(one, 10);
    await until(() => two.journal.head.sequence === one.journal.head.sequence);
    proxy.refuse();
    for (let round = 0; round < 3; round++) {
      await fill(one, 400);
      await later();
    }
    await fill(one, 2);
    proxy.heal();
    await until(() => two.ends.length === 1);
    expect(two.ends).to.deep.equal(['entries that are gone']);
    const next = await journals.open(retention);
    expect(next.journal.head).to.deep.equal(one.journal.head);
    const answer = await next.journal.read(two.journal.head, 10);
    expect(answer.kind === 'gap' && answer.reason).to.equal('TRIMMED');
    expect(one.ends).to.be.empty;
    await journals.close();
    await proxy.close();
  });

  it('keeps its history when the calendar of one coordinator is a year ahead', async () => {
    const ahead = { ...realClock, wall: () => realClock.wall() + 365 * DAY_MS };
    const one = await journals.open({ ageMs: DAY_MS });
    const two = await journals.open({ ageMs: DAY_MS }, ahead);
    await fill(one, 5);
    await two.journal.append([{ entries: [note('ahead')] }]);
    await until(() => one.received.length === 6);
    for (const { journal } of [one, two]) {
      const page = await journal.read(journal.oldest, 1000);
      expect(page.kind === 'page' && page.entries).to.have.length(6);
    }
  });

  it('has a bound for the numbers of producers', async () => {
    const { journal } = await journals.open(retention);
    const filler = "for i = 1, 100000 do redis.call('HSET', KEYS[1], 'p' .. i, '1 0 1') end";
    await server.command('EVAL', filler, '1', 'kelpie:{main}:producers');
    for (let id = 0; id < 50; id++) {
      const instance = Buffer.alloc(16, id);
      await journal.append([{ producer: { instance, previous: 0, last: 1 }, entries: [] }]);
    }
    expect(await number('HLEN', 'kelpie:{main}:producers')).to.be.at.most(100_001);
    expect(await journal.producer(Buffer.alloc(16, 49))).to.equal(1);
    expect(await number('HEXISTS', 'kelpie:{main}:producers', '')).to.equal(1);
  });
});
