/** kelpied at its start on a real Redis: when it does not start, what it warns of, and that it never becomes open. */
import { existsSync } from 'node:fs';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { connect as connectTo, createServer, type Server } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect } from 'chai';
import { apiAt } from '../../client/api/index.js';
import { msOf } from '../../client/core/duration.js';
import { startCoordinator } from '../../server/coordinator.js';
import { REDIS_RIGHTS } from '../../server/journal/redis/rights.js';
import { AddressRefused } from '../../server/core/address.js';
import { TestCa } from '../support/certificates.js';
import { FaultProxy } from '../support/faults/fault-proxy.js';
import { runKelpie } from '../support/process/cli.js';
import { dataFolder, removeDataFolders } from '../support/process/data-folder.js';
import { healthOf } from '../support/process/health.js';
import { type Kelpied, runKelpied, startKelpied } from '../support/process/kelpied.js';
import { freePort, RedisServer } from '../support/redis/redis-server.js';
import { rejectionOf } from '../support/thrown.js';

/** Without them kelpied warns, or they are for a Redis Cluster alone. */
const OPTIONAL = /^\+(config|cluster)\|/;

describe('kelpied on Redis', () => {
  let redis: RedisServer;
  let folder: string;
  let kelpied: Kelpied | undefined;

  before(async () => {
    redis = await RedisServer.start({ persistent: true });
  });
  beforeEach(() => {
    folder = dataFolder();
  });
  afterEach(async () => {
    await kelpied?.kill();
    kelpied = undefined;
    await redis.command('FLUSHALL');
  });
  after(async () => {
    await redis.stop();
    removeDataFolders();
  });

  const envOf = (url: string): NodeJS.ProcessEnv => ({
    KELPIE_JOURNAL: 'redis',
    KELPIE_REDIS: url,
  });
  const as = (user: string): string => redis.url.replace('://', `://${user}@`);
  const run = (url: string) => runKelpied(['--port', '0'], envOf(url), folder);

  it('ends with 1 where it cannot use Redis, and says why', async () => {
    const evicting = await RedisServer.start({
      args: ['--maxmemory', '100mb', '--maxmemory-policy', 'allkeys-lru'],
    });
    const old = await olderThan(redis);
    const gone = `redis://127.0.0.1:${await freePort()}`;
    try {
      const ends = await Promise.all([
        runKelpied(['token', 'create'], envOf(gone), folder),
        ...[gone, evicting.url, old.url].map((url) => run(url)),
      ]);
      expect(ends.map(({ code }) => code)).to.deep.equal([1, 1, 1, 1]);
      const errors = ends.map((one) => one.errors);
      expect(errors[0]).to.match(/^kelpied: no connection to Redis: .*ECONNREFUSED/);
      expect(errors[1]).to.match(
        /^kelpied: Redis cannot be used: .*ECONNREFUSED 127.0.0.1:\d+; start Redis there, or correct the setting redis/,
      );
      expect(errors[2]).to.match(
        /maxmemory-policy is allkeys-lru: .*Set maxmemory-policy noeviction\./,
      );
      expect(errors[3]).to.match(/Redis is of version 6\.2\.14\. Install Redis 7\.0 or newer\./);
    } finally {
      old.server.close();
      await evicting.stop();
    }
  });

  it('says what a user of Redis lacks, and shows no password', async () => {
    await redis.command('ACL', 'SETUSER', 'nobody', 'on', '>pw');
    await redis.command('ACL', 'SETUSER', 'reader', 'on', '>pw', ...REDIS_RIGHTS, '-evalsha');
    await redis.command('ACL', 'SETUSER', 'writer', 'on', '>pw', ...REDIS_RIGHTS, '-xadd');
    await redis.command('ACL', 'SETUSER', 'deaf', 'on', '>pw', ...REDIS_RIGHTS, 'resetchannels');
    const rights = 'give the user of Redis the rights that server/README\\.md lists';
    const cases = {
      'nobody:other':
        'WRONGPASS .*; set the user and the password of Redis in the setting redis \\(KELPIE_REDIS\\)',
      'nobody:pw': `NOPERM .*; ${rights}`,
      'reader:pw': `NOPERM .*'evalsha' command; ${rights}`,
      'writer:pw': `the user of Redis lacks \\+xadd; ${rights}`,
      'deaf:pw': `no messages of channels: .*NOPERM .*; ${rights}`,
    };
    const refusal = async ([user, wanted]: readonly string[]): Promise<void> => {
      const options = { journal: 'redis', redis: { url: as(`${user}`) }, port: 0 } as const;
      const { message } = await rejectionOf(Error, startCoordinator(options));
      expect(message, user)
        .to.match(new RegExp(`${wanted}`))
        .and.not.to.match(/pw|other@/);
      expect(message.match(/;/g)).to.have.length(1);
    };
    const [first = [], second = [], ...others] = Object.entries(cases);
    // A start waits 5 s for a connection.
    await Promise.all([refusal(first), refusal(second)]);
    for (const one of others) await refusal(one);
  });

  it('ends with each missing right of the user, which it names', async () => {
    const needed = REDIS_RIGHTS.filter((right) => /^[+~&]/.test(right) && !OPTIONAL.test(right));
    const refusal = async (right: string): Promise<void> => {
      const user = `user${needed.indexOf(right)}`;
      const others = REDIS_RIGHTS.filter((one) => one !== right);
      await redis.command('ACL', 'SETUSER', user, 'on', '>pw', ...others);
      const options = { journal: 'redis', redis: { url: as(`${user}:pw`) }, port: 0 } as const;
      const { message } = await rejectionOf(Error, startCoordinator(options));
      const named = { '~kelpie:*': 'key', '&kelpie:*': 'channel' }[right];
      expect(message, right).to.contain(named ?? right.slice(1));
    };
    // A start waits 5 s for a connection.
    const slow = ['+ping', '+client|setname'];
    const connecting = Promise.all(slow.map(refusal));
    for (const right of needed) if (!slow.includes(right)) await refusal(right);
    await connecting;
  });

  it('ends its process with 1 when it may connect and little more', async () => {
    const few = ['-@all', '+ping', '+client|setname', '+select', '+info', '+hget'];
    await redis.command('ACL', 'SETUSER', 'few', 'on', '>pw', '~kelpie:*', ...few);
    await redis.command(
      'ACL',
      'SETUSER',
      'mute',
      'on',
      '>pw',
      ...REDIS_RIGHTS,
      '-publish',
      '-time',
    );
    const ends = await Promise.all([run(as('few:pw')), run(as('mute:pw'))]);
    expect(ends.map(({ code }) => code)).to.deep.equal([1, 1]);
    expect(ends[0].errors).to.match(/NOPERM/);
    expect(ends[1].errors).to.match(/the user of Redis lacks \+publish \+time;/);
  });

  it('writes nothing into a Redis when it may not or cannot listen', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as { port: number };
    const there = { journal: 'redis', redis: { url: redis.url } } as const;
    const tls = (await TestCa.make()).server();
    try {
      const open = startCoordinator({ ...there, port: 0, host: '0.0.0.0', tls: await tls });
      const { message } = await rejectionOf(AddressRefused, open);
      expect(message).to.contain('Without credentials anybody could join');
      const second = await rejectionOf(Error, startCoordinator({ ...there, port }));
      expect(second.message).to.contain('EADDRINUSE');
      expect(await redis.command('KEYS', '*')).to.equal('');
    } finally {
      taken.close();
    }
  });

  it('starts with settings that are only doubtful; its log and kelpie doctor say what to set', async () => {
    const replica = await redis.replica();
    try {
      await redis.command('CONFIG', 'SET', 'appendfsync', 'no', 'maxmemory-policy', 'volatile-ttl');
      kelpied = await startKelpied([], folder, envOf(redis.url));
      const advice = [
        'Set maxmemory-policy noeviction.',
        'Set min-replicas-to-write 1 and min-replicas-max-lag 10.',
        'Set appendfsync everysec, or always.',
      ];
      const lines = kelpied.errors().split('\n').filter(Boolean);
      const logged = lines.map((line) => JSON.parse(line) as { msg: string; advice?: string });
      const warned = logged.filter(({ msg }) => msg === 'Redis should be set up otherwise');
      expect(warned.map((one) => one.advice)).to.deep.equal(advice);
      const { endpoint } = kelpied;
      const [text, json] = await Promise.all([
        runKelpie(['doctor'], endpoint),
        runKelpie(['doctor', '--json'], endpoint),
      ]);
      expect(text.code, text.output).to.equal(0);
      for (const one of advice) expect(text.output).to.contain(one);
      const { checks } = JSON.parse(json.output) as {
        checks: { check: string; advice?: string }[];
      };
      const found = checks.filter(({ check }) => check === 'journal');
      expect(found.map((one) => one.advice)).to.deep.equal([undefined, ...advice]);
    } finally {
      await redis.command(
        'CONFIG',
        'SET',
        'appendfsync',
        'always',
        'maxmemory-policy',
        'noeviction',
      );
      await replica.stop();
    }
  });

  it('warns of a file with the password of Redis that others can read, as doctor does', async () => {
    await redis.command('ACL', 'SETUSER', 'kelpie', 'on', '>pw', ...REDIS_RIGHTS);
    const file = join(folder, 'kelpie.yaml');
    await writeFile(file, `journal: redis\nredis: ${as('kelpie:pw')}\n`);
    const warning = 'other users can use the file with the password of Redis';
    for (const [mode, isOpen] of [
      [0o644, true],
      [0o600, false],
    ] as const) {
      await chmod(file, mode);
      kelpied = await startKelpied(['--config', file], folder);
      const { output } = await runKelpie(['doctor', '--security', '--json'], kelpied.endpoint);
      expect(output.includes('kelpie.yaml'), output).to.equal(isOpen);
      await kelpied.stop();
      expect(kelpied.errors().includes(warning)).to.equal(isOpen);
    }
  });

  it('is not said to drain by kelpie doctor when it cannot reach Redis any more', async () => {
    const way = await FaultProxy.before(redis.port);
    const there = { journal: 'redis', redis: { url: `redis://${way.endpoint}` } } as const;
    const coordinator = await startCoordinator({ ...there, port: 0, times: { aliveMs: 400 } });
    const api = apiAt(coordinator.endpoint);
    try {
      way.refuse();
      while ((await healthOf(coordinator.endpoint, '')) === 'SERVING') continue;
      const { code, output } = await runKelpie(['doctor'], coordinator.endpoint);
      expect(code).to.equal(1);
      expect(output).to.match(/health +NOT_SERVING: it cannot reach the storage/);
      const [own] = (await api.messages.coordinator.listCoordinators()).coordinators;
      expect(msOf(own?.silence, 0)).to.be.above(200);
    } finally {
      api.close();
      way.heal();
      await coordinator.stop();
      await way.close();
    }
  });

  it('does not become open when Redis has lost its credentials: it stays closed, and does not start', async () => {
    const env = envOf(redis.url);
    const first = await runKelpied(['token', 'create', '--token-file', 't'], env, folder);
    expect(first.code, first.errors).to.equal(0);
    kelpied = await startKelpied([], folder, env);
    const mark = join(folder, 'data', 'credentials.required');
    expect(existsSync(mark)).to.equal(true);
    await redis.command('FLUSHALL');
    const stranger = await runKelpie(['nodes'], kelpied.endpoint);
    expect(stranger.errors).to.contain('CREDENTIAL_REQUIRED');
    const token = (await readFile(join(folder, 't'), 'utf8')).trim();
    const known = await runKelpie(['nodes'], kelpied.endpoint, { KELPIE_TOKEN: token });
    expect(known.code, known.errors).to.equal(0);
    await kelpied.kill();

    await redis.command('FLUSHALL');
    const refused = await run(redis.url);
    expect(refused.code).to.equal(1);
    expect(refused.errors).to.match(
      /has had credentials, and Redis has none.*kelpied token create/,
    );

    // The way out that the message names.
    const again = await runKelpied(['token', 'create', '--json'], env, folder);
    kelpied = await startKelpied([], folder, env);
    const fresh = (JSON.parse(again.output) as { token: string }).token;
    const served = await runKelpie(['nodes'], kelpied.endpoint, { KELPIE_TOKEN: fresh });
    expect(served.code, served.errors).to.equal(0);
  }).timeout(60_000);
});

/** A Redis that says that it is of version 6. */
async function olderThan({ port }: RedisServer): Promise<{ server: Server; url: string }> {
  const server = createServer((socket) => {
    const there = connectTo(port, '127.0.0.1');
    there.on('data', (bytes) =>
      socket.write(
        bytes.toString('latin1').replace(/redis_version:7\.\d\.\d\d/, 'redis_version:6.2.14'),
        'latin1',
      ),
    );
    socket.pipe(there);
    for (const one of [socket, there]) one.on('error', () => socket.destroy());
    there.on('close', () => socket.destroy());
    socket.on('close', () => there.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port: own } = server.address() as { port: number };
  return { server, url: `redis://127.0.0.1:${own}` };
}
