/**
 * The clock of Redis jumps. Times that Redis has stored before a jump are then too old or too new by the jump. So the tests
 * move the stored times of a real Redis.
 */
import { expect } from 'chai';
import { Members } from '../../../server/cluster/members.js';
import { RedisBus } from '../../../server/cluster/redis/bus.js';
import { redisMembership } from '../../../server/cluster/redis/membership.js';
import { realClock } from '../../../server/core/real-clock.js';
import { type Argument, RedisConnection } from '../../../server/journal/redis/connection.js';
import { note } from '../../support/journal/entries.js';
import { RedisJournals } from '../../support/redis/redis-journals.js';
import { RedisServer } from '../../support/redis/redis-server.js';
import { until } from '../../support/until.js';

const MONTH_MS = 30 * 86_400_000;
const ENDS = 'kelpie:{cluster}:coordinators:ends';
const TTL_MS = 800;

const onFault = (error: unknown): never => {
  throw error;
};

/** A connection to a Redis whose clock is wrong by `aheadMs`. */
class JumpingConnection extends RedisConnection {
  aheadMs = 0;
  /** How often somebody asked for the time. */
  asked = 0;

  override async command(words: readonly Argument[]): Promise<unknown> {
    const answer = await super.command(words);
    if (words[0] !== 'TIME') return answer;
    this.asked += 1;
    const [seconds = 0, micros = 0] = (answer as Buffer[]).map(Number);
    return [Buffer.from(`${seconds + this.aheadMs / 1000}`), Buffer.from(`${micros}`)];
  }
}

describe('when the clock of Redis jumps', () => {
  let redis: RedisServer;
  const connections: RedisConnection[] = [];

  before(async () => {
    redis = await RedisServer.start();
  });
  afterEach(() => {
    for (const connection of connections.splice(0)) connection.close();
  });
  after(() => redis.stop());

  async function reach(): Promise<JumpingConnection> {
    const connection = new JumpingConnection({ url: redis.url }, realClock, onFault);
    connections.push(connection);
    await connection.ready();
    return connection;
  }

  it('forward, no coordinator counts as dead; backward, one that is dead counts so in time', async () => {
    const left: string[] = [];
    const looks = { a: 0, b: 0 };
    const join = async (id: 'a' | 'b') => {
      const connection = await reach();
      const members = new Members({
        ...{ id, clock: realClock, listening: realClock, onFault, ttlMs: TTL_MS },
        membership: redisMembership(connection),
        facts: () => ({ version: '', sessions: 0, lagEntries: 0, draining: false }),
      });
      await members.join();
      members.onView((view) => {
        looks[id] += 1;
        left.push(...view.left.map((one) => one.id));
      });
      return { members, connection };
    };
    const [a, b] = [await join('a'), await join('b')];
    const rounds = async (count: number): Promise<void> => {
      const wanted = { a: looks.a + count, b: looks.b + count };
      await until(() => looks.a >= wanted.a && looks.b >= wanted.b);
    };
    await rounds(2);
    expect(a.members.all.size).to.equal(2);
    for (const id of ['a', 'b']) await redis.command('ZINCRBY', ENDS, `${-MONTH_MS}`, id);
    await rounds(4);
    expect(left, 'forward').to.deep.equal([]);
    expect([a.members.alive('b'), b.members.alive('a')]).to.deep.equal([true, true]);
    for (const id of ['a', 'b']) await redis.command('ZINCRBY', ENDS, `${MONTH_MS}`, id);
    b.connection.close();
    await until(() => left.length > 0);
    expect(left, 'backward').to.deep.equal(['b']);
    await Promise.all([a, b].map(({ members }) => members.close()));
  });

  it('the numbers of publishers are kept, and no entry goes', async () => {
    const journals = new RedisJournals(redis.url, 'jumps');
    const { journal } = await journals.open({ ageMs: 60_000 });
    const instance = Buffer.alloc(16, 7);
    const publish = async (previous: number, last: number): Promise<string> => {
      const producer = { instance, previous, last };
      const [outcome] = await journal.append([{ producer, entries: [note(`${last}`)] }]);
      return outcome?.kind ?? '';
    };
    const { oldest } = journal;
    let last = 0;
    for (const jumpMs of [MONTH_MS, -MONTH_MS, MONTH_MS]) {
      expect(await publish(last, ++last)).to.equal('stored');
      const seen = Number(await redis.command('HGET', 'kelpie:{jumps}:meta', 'seen'));
      await redis.command('HSET', 'kelpie:{jumps}:meta', 'seen', `${seen - jumpMs}`);
      await journal.append([{ entries: [note('other')] }]);
      expect(await publish(last - 1, last), `after ${jumpMs} ms`).to.equal('producerAt');
    }
    const page = await journal.read(oldest, 100);
    expect(page.kind === 'page' && page.entries).to.have.length(6);
    await journals.close();
  });

  it('messages between coordinators may be lost for a moment, and then arrive again', async () => {
    const [one, two] = [await reach(), await reach()];
    const sender = await RedisBus.open(one, 'a', realClock, onFault);
    const receiver = await RedisBus.open(two, 'b', realClock, onFault);
    const heard = new Set<string>();
    receiver.onMessage(({ bytes }) => heard.add(Buffer.from(bytes).toString()));
    for (const aheadMs of [MONTH_MS, -MONTH_MS]) {
      one.aheadMs = two.aheadMs = aheadMs;
      const asked = [one.asked, two.asked];
      // Until both have asked again a message may be lost.
      while (one.asked === asked[0] || two.asked === asked[1]) {
        await sender.send('b', Buffer.from('meanwhile'));
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      await sender.send('b', Buffer.from(`after ${aheadMs}`));
      await until(() => heard.has(`after ${aheadMs}`));
    }
    await Promise.all([sender.close(), receiver.close()]);
  });
});
