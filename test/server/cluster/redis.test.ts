/** The list of coordinators and their messages in a real Redis. */
import { expect } from 'chai';
import type { CoordinatorFacts, Membership } from '../../../server/cluster/membership.js';
import { RedisBus } from '../../../server/cluster/redis/bus.js';
import { redisMembership } from '../../../server/cluster/redis/membership.js';
import { realClock } from '../../../server/core/real-clock.js';
import { RedisConnection } from '../../../server/journal/redis/connection.js';
import { clusterContract } from '../../contract/cluster.js';
import { BLACKHOLE, FaultProxy } from '../../support/faults/fault-proxy.js';
import { RedisServer } from '../../support/redis/redis-server.js';
import { rejectionOf } from '../../support/thrown.js';
import { until } from '../../support/until.js';

const HASH = 'kelpie:{cluster}:coordinators';
const ENDS = `${HASH}:ends`;

describe('A cluster in Redis', () => {
  let redis: RedisServer;
  let connections: RedisConnection[];

  before(async () => {
    redis = await RedisServer.start();
  });
  beforeEach(async () => {
    await redis.command('FLUSHALL');
    connections = [];
  });
  afterEach(() => {
    for (const connection of connections) connection.close();
  });
  after(() => redis.stop());

  const onFault = (error: unknown): never => {
    throw error;
  };
  const reach = async (): Promise<RedisConnection> => {
    const connection = new RedisConnection({ url: redis.url }, realClock, onFault);
    connections.push(connection);
    await connection.ready();
    return connection;
  };

  clusterContract(async () => ({
    membership: async () => redisMembership(await reach()),
    bus: async (id) => RedisBus.open(await reach(), id, realClock, onFault),
    pass: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  }));

  const facts = (id: string): CoordinatorFacts => {
    const numbers = { sessions: 0, lagEntries: 0, draining: false };
    return { id, version: '1.0.0', endpoint: '', ...numbers };
  };
  const idsOf = async (membership: Membership): Promise<string[]> =>
    (await membership.alive()).map(({ id }) => id).sort();

  it('has a list again after one of its keys was lost or got another type', async () => {
    const list = redisMembership(await reach());
    const beat = async (): Promise<void> => {
      for (const id of ['a', 'b']) await list.beat(facts(id), 60_000);
    };
    const harms = [HASH, ENDS].flatMap((key) => [
      ['DEL', key],
      ['SET', key, 'text'],
      ['EVAL', `redis.call('DEL', '${key}') redis.call('RPUSH', '${key}', 'a')`, '0'],
    ]);
    for (const harm of [...harms, ['FLUSHALL'], ['SCRIPT', 'FLUSH']]) {
      await beat();
      await redis.command(...harm);
      expect(await idsOf(list), harm.join(' ')).to.be.an('array');
      await beat();
      expect(await idsOf(list), harm.join(' ')).to.deep.equal(['a', 'b']);
    }
  });

  it('has a coordinator of another version, which says more about itself', async () => {
    const list = redisMembership(await reach());
    const later = { ...facts('later'), region: 'eu' };
    await list.beat(later, 60_000);
    await list.beat(facts('a'), 60_000);
    expect(await idsOf(list)).to.deep.equal(['a', 'later']);
    // The bytes are those of the coordinator, which this one never writes.
    expect(await list.alive()).to.deep.include(later);
  });

  it('keeps nobody alive for longer than their beat when the clock of Redis runs back', async () => {
    const list = redisMembership(await reach());
    await list.beat(facts('a'), 200);
    const hour = 3_600_000;
    await redis.command('ZINCRBY', ENDS, String(hour), 'a');
    expect(await idsOf(list)).to.deep.equal(['a']);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(await idsOf(list)).to.deep.equal([]);
  });

  it('takes beats while Redis has no memory left', async () => {
    const list = redisMembership(await reach());
    await list.beat(facts('a'), 60_000);
    await redis.command('CONFIG', 'SET', 'maxmemory', '1');
    try {
      await list.beat(facts('a'), 60_000);
      expect(await idsOf(list)).to.deep.equal(['a']);
    } finally {
      await redis.command('CONFIG', 'SET', 'maxmemory', '0');
    }
  });

  it('loses a message that a network held back for too long, and delivers later ones', async () => {
    const way = await FaultProxy.before(redis.port);
    const url = `redis://${way.endpoint}`;
    const one = new RedisConnection({ url }, realClock, () => undefined);
    connections.push(one);
    await one.ready();
    const sender = await RedisBus.open(one, 'a', realClock, onFault);
    const receiver = await RedisBus.open(await reach(), 'b', realClock, onFault, 1000);
    const texts: string[] = [];
    receiver.onMessage(({ bytes }) => texts.push(Buffer.from(bytes).toString()));
    await sender.send('b', Buffer.from('first'));
    way.set(BLACKHOLE);
    const late = sender.send('b', Buffer.from('late'));
    // The connection is given up when Redis does not answer.
    await rejectionOf(Error, late);
    way.heal();
    await until(() => one.isUp);
    await sender.send('b', Buffer.from('last'));
    await until(() => texts.includes('last'));
    expect(texts).to.deep.equal(['first', 'last']);
    await Promise.all([sender.close(), receiver.close()]);
    one.close();
    await way.close();
  });

  it('is not younger than a message shows, however slow the ways to Redis are', async () => {
    const ways = [await FaultProxy.before(redis.port), await FaultProxy.before(redis.port)];
    const [one, two] = ways.map(({ endpoint }) => {
      const connection = new RedisConnection({ url: `redis://${endpoint}` }, realClock, onFault);
      connections.push(connection);
      return connection;
    });
    if (!one || !two) throw new Error('two connections');
    await Promise.all([one.ready(), two.ready()]);
    // Neither knows whether the question for the time was slow on its way there or back.
    ways[0]?.set({ toServer: { delayMs: 100 } });
    ways[1]?.set({ toClient: { delayMs: 100 } });
    const sender = await RedisBus.open(one, 'a', realClock, onFault);
    const receiver = await RedisBus.open(two, 'b', realClock, onFault);
    const ages: number[] = [];
    let sentMs = 0;
    receiver.onMessage(({ ageMs }) => {
      ages.push(ageMs);
      // A millisecond of rounding.
      expect(ageMs).to.be.at.least(realClock.now() - sentMs - 1);
    });
    const delays = [0, 100, 0];
    for (const [place, delayMs] of delays.entries()) {
      for (const way of ways) way.set({ toServer: { delayMs }, toClient: { delayMs } });
      sentMs = realClock.now();
      await sender.send('b', Buffer.from('?'));
      await until(() => ages.length > place);
    }
    expect(ages[1]).to.be.at.least(200);
    await Promise.all([sender.close(), receiver.close()]);
    for (const way of ways) await way.close();
  });

  it('rejects beats, questions and messages while Redis is away, and goes on afterwards', async () => {
    const [one, two] = [await reach(), await reach()];
    const list = redisMembership(one);
    const bus = await RedisBus.open(one, 'a', realClock, onFault);
    const heard: string[] = [];
    const other = await RedisBus.open(two, 'b', realClock, onFault);
    other.onMessage(({ bytes }) => heard.push(Buffer.from(bytes).toString()));
    await redis.kill();
    await until(() => !one.isUp && !two.isUp);
    const attempts = [
      list.beat(facts('a'), 1000),
      list.alive(),
      bus.send('b', Buffer.from('lost')),
    ];
    const results = await Promise.allSettled(attempts);
    expect(results.map(({ status }) => status)).to.deep.equal(Array(3).fill('rejected'));
    await redis.restart();
    await Promise.all([one.ready(), two.ready()]);
    await list.beat(facts('a'), 10_000);
    expect(await idsOf(list)).to.deep.equal(['a']);
    for (let tries = 0; heard.length === 0 && tries < 500; tries++) {
      await bus.send('b', Buffer.from('back'));
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    expect(heard[0]).to.equal('back');
  });
});
