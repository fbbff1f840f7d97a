/** The connection to a real Redis: it comes back by itself, and no command waits for ever. */
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { expect } from 'chai';
import type { Clock } from '../../../server/core/clock.js';
import { realClock } from '../../../server/core/real-clock.js';
import { redisAddress } from '../../../server/journal/redis/address.js';
import { RedisConnection, Script } from '../../../server/journal/redis/connection.js';
import { RedisFault } from '../../../server/journal/redis/fault.js';
import { DEADLINE_MS } from '../../../server/journal/redis/link.js';
import { RedisServer } from '../../support/redis/redis-server.js';
import { until } from '../../support/until.js';

describe('the connection to Redis', () => {
  let server: RedisServer;
  let connection: RedisConnection;
  const faults: unknown[] = [];

  before(async () => {
    server = await RedisServer.start();
  });
  after(() => server.stop());
  beforeEach(async () => {
    connection = new RedisConnection({ url: server.url }, realClock, (fault) => faults.push(fault));
    await until(() => connection.isUp);
  });
  afterEach(() => {
    connection.close();
    expect(faults).to.be.empty;
  });

  const codeOf = (words: readonly string[]): Promise<string> =>
    connection.command(words).then(
      () => 'done',
      (error: unknown) => (error instanceof RedisFault ? error.code : String(error)),
    );

  it('carries commands out in the order of the calls, with bytes in the answers', async () => {
    const bytes = Buffer.from([0, 255, 13, 10]);
    const set = connection.command(['SET', 'a', bytes]);
    const get = connection.command(['GET', 'a']);
    await set;
    expect(await get).to.deep.equal(bytes);
  });

  it('leaves no connection behind when it is closed before it is made', async () => {
    const open = new Set<Socket>();
    let came = 0;
    const peer = createServer((socket) => {
      came += 1;
      open.add(socket);
      socket.on('error', () => undefined).on('close', () => open.delete(socket));
    });
    peer.listen(0, '127.0.0.1');
    await once(peer, 'listening');
    const { port } = peer.address() as { port: number };
    try {
      const url = `redis://127.0.0.1:${port}`;
      const one = new RedisConnection({ url }, realClock, (fault) => faults.push(fault));
      // Both search for the primary first, and connect before the next turn of the event loop.
      await new Promise((resolve) => process.nextTick(resolve));
      one.close();
      await until(() => came === 2 && open.size === 0);
    } finally {
      for (const socket of open) socket.destroy();
      peer.close();
    }
  });

  it('is made anew after Redis ended it, for commands and for messages', async () => {
    const messages: string[] = [];
    let ups = 0;
    connection.onUp(() => (ups += 1));
    connection.subscribe('news', (message) => messages.push(message.toString()));
    await until(() => ups > 0);
    await server.command('PUBLISH', 'news', 'a');
    await until(() => messages.length === 1);
    for (const type of ['normal', 'pubsub']) {
      const before = ups;
      await server.command('CLIENT', 'KILL', 'TYPE', type);
      await until(() => ups > before && connection.isUp);
    }
    await server.until(async () => (await server.command('PUBLISH', 'news', 'b')) === '1');
    await until(() => messages.length === 2);
    expect(await codeOf(['PING'])).to.equal('done');
  });

  it('waits longer and longer for a replica that should be the primary', async () => {
    const pausesMs: number[] = [];
    const after: Clock['after'] = (ms, run) => {
      if (ms < DEADLINE_MS) pausesMs.push(ms);
      return realClock.after(ms, run);
    };
    const clock = { ...realClock, after };
    const { port } = new URL(server.url);
    await server.command('REPLICAOF', '127.0.0.1', port);
    const other = new RedisConnection({ url: server.url }, clock, (fault) => faults.push(fault));
    // As the journal does: its first command refuses, so the connection is given up.
    other.onUp(() => void other.command(['SET', 'a', 'b']).catch(() => undefined));
    try {
      await until(() => pausesMs.some((ms) => ms > 200));
      expect(other.sums.connects).to.be.lessThan(15);
    } finally {
      other.close();
      await server.command('REPLICAOF', 'NO', 'ONE');
    }
  });

  it('ends a command without an answer after 2 s, and fails at once while there is no connection', async () => {
    server.pause();
    try {
      expect(await codeOf(['PING'])).to.equal('LOST');
      expect(await codeOf(['PING'])).to.equal('DISCONNECTED');
    } finally {
      server.resume();
    }
    await until(() => connection.isUp);
    expect(await codeOf(['PING'])).to.equal('done');
  });

  it('comes back after the server was away', async () => {
    await server.kill();
    await until(() => !connection.isUp);
    expect(await codeOf(['PING'])).to.equal('DISCONNECTED');
    await server.restart();
    await until(() => connection.isUp);
    expect(await codeOf(['PING'])).to.equal('done');
  });

  it('names channels by its database, because Redis has one set of channels for all of them', async () => {
    const other = new RedisConnection({ url: `${server.url}/3` }, realClock, (fault) =>
      faults.push(fault),
    );
    expect(connection.channelOf('bell')).to.equal('bell');
    expect(other.channelOf('bell')).to.equal('bell@3');
    other.close();
  });

  it('loads a script that Redis has lost', async () => {
    const script = new Script("return 'here'");
    for (let time = 0; time < 2; time++) {
      expect(String(await connection.evaluate(script, [], []))).to.equal('here');
      await server.command('SCRIPT', 'FLUSH');
    }
  });

  it('shows which refusals Redis made before it did anything', () => {
    const fault = (message: string) => RedisFault.ofReply(new Error(message));
    expect(fault('OOM command not allowed').refused).to.equal(true);
    const inside = `WRONGTYPE no. script: ${'a'.repeat(40)}, on @user_script:7.`;
    expect(fault(inside)).to.include({ refused: false, code: 'SCRIPT_WRONGTYPE' });
  });
});

describe('the address of Redis', () => {
  it('names hosts, user, password and database', () => {
    expect(redisAddress('rediss://a:b%40c@[::1]:7000/3')).to.deep.equal({
      kind: 'single',
      hosts: [{ host: '::1', port: 7000 }],
      primary: '',
      tls: true,
      username: 'a',
      password: 'b@c',
      database: 3,
    });
    const { hosts } = redisAddress('redis://localhost');
    expect(hosts).to.deep.equal([{ host: 'localhost', port: 6379 }]);
  });

  it('names sentinels and the primary, or nodes of a cluster', () => {
    expect(redisAddress('redis+sentinel://:pw@a,b:7/main')).to.deep.include({
      kind: 'sentinel',
      hosts: [
        { host: 'a', port: 26379 },
        { host: 'b', port: 7 },
      ],
      primary: 'main',
      password: 'pw',
    });
    expect(redisAddress('redis+cluster://a,b:7').kind).to.equal('cluster');
  });

  it('is refused without being shown, because it may have a password', () => {
    for (const url of [
      'http://u:secret@a',
      'redis://u:secret@a:x',
      'redis+sentinel://u:secret@a',
    ]) {
      expect(() => redisAddress(url))
        .to.throw(RangeError)
        .and.to.satisfy(({ message }: Error) => !message.includes('secret'));
    }
  });
});
