/** The metrics of the engine that coordinators share, on a real Redis: each moves with what it counts. */
import { expect } from 'chai';
import { connect, type KelpieClient } from '../../client/index.js';
import { type Coordinator, startCoordinator } from '../../server/coordinator.js';
import { REDIS_RIGHTS } from '../../server/journal/redis/rights.js';
import { RedisServer } from '../support/redis/redis-server.js';

describe('the metrics of coordinators on one Redis', () => {
  let redis: RedisServer;
  let first: Coordinator;
  let second: Coordinator;
  let client: KelpieClient;

  before(async () => {
    redis = await RedisServer.start();
    await redis.command('ACL', 'SETUSER', 'second', 'on', '>pw', ...REDIS_RIGHTS);
    first = await start(redis.url);
    second = await start(redis.url.replace('://', '://second:pw@'));
    client = connect({ name: 'lobby', role: 'SERVICE', endpoints: first.endpoint });
    await client.ready();
  });
  after(async () => {
    await client.close();
    await Promise.all([first, second].map((one) => one.stop()));
    await redis.stop();
  });

  const start = (url: string): Promise<Coordinator> =>
    startCoordinator({
      ...{ journal: 'redis', redis: { url }, port: 0, times: { aliveMs: 2000, drainMs: 0 } },
      metrics: { host: '127.0.0.1', port: 0 },
    });

  /** The sum of a metric over its labels. */
  async function read({ metricsUrl = '' }: Coordinator, name: string): Promise<number> {
    const text = await (await fetch(metricsUrl)).text();
    const lines = text.split('\n').filter((line) => /^\w+/.exec(line)?.[0] === name);
    expect(lines, name).not.to.be.empty;
    return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
  }

  async function becomes(
    coordinator: Coordinator,
    name: string,
    wanted: (value: number) => boolean,
  ): Promise<void> {
    while (!wanted(await read(coordinator, name))) continue;
  }

  it('count the commands, and how long their answers took', async () => {
    const [commands, seconds] = [
      'kelpie_redis_commands_total',
      'kelpie_redis_command_seconds_total',
    ];
    const before = [await read(first, commands), await read(first, seconds)];
    await redis.command('CLIENT', 'PAUSE', '300', 'WRITE');
    await client.publish('chat', 'slow');
    const after = [await read(first, commands), await read(first, seconds)];
    expect((after[0] ?? 0) - (before[0] ?? 0)).to.be.at.least(1);
    expect((after[1] ?? 0) - (before[1] ?? 0)).to.be.at.least(0.2);
  });

  it('count the connections', async () => {
    const before = await read(first, 'kelpie_redis_connects_total');
    expect(before, 'one for commands, one for messages').to.equal(2);
    await redis.command('CLIENT', 'KILL', 'TYPE', 'normal');
    await redis.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await becomes(first, 'kelpie_redis_connects_total', (value) => value === 4);
  });

  it('count the entries whose messages were lost, and show that a coordinator was behind', async () => {
    const found = 'kelpie_redis_entries_found_total';
    const before = await read(second, found);
    await redis.command('ACL', 'SETUSER', 'second', 'resetchannels', '&kelpie:{cluster}:*');
    const publishing = setInterval(() => void client.publish('chat', 'unheard'), 5);
    try {
      await becomes(second, 'kelpie_journal_lag_entries', (value) => value > 0);
    } finally {
      clearInterval(publishing);
    }
    await becomes(second, found, (value) => value > before);
    await redis.command('ACL', 'SETUSER', 'second', '&kelpie:*');
    await becomes(second, 'kelpie_journal_lag_entries', (value) => value === 0);
  });

  it('count the ends of the history', async () => {
    const ended = 'kelpie_epochs_ended_total';
    expect([await read(first, ended), await read(second, ended)]).to.deep.equal([0, 0]);
    await redis.command('FLUSHALL');
    for (const one of [first, second]) await becomes(one, ended, (value) => value === 1);
  });

  it('show the coordinators that are alive', async () => {
    await becomes(first, 'kelpie_coordinators', (value) => value === 2);
    await second.stop();
    await becomes(first, 'kelpie_coordinators', (value) => value === 1);
  });
});
