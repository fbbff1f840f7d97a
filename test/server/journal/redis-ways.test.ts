/** The journal over each way to Redis: TLS, a user with few rights, sentinels, and a cluster of Redis. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { RedisEngine } from '../../../server/cluster/redis/engine.js';
import { realClock } from '../../../server/core/real-clock.js';
import { JournalError } from '../../../server/journal/error.js';
import { REDIS_RIGHTS } from '../../../server/journal/redis/rights.js';
import { TestCa } from '../../support/certificates.js';
import { note, tableOf, textsOf, write } from '../../support/journal/entries.js';
import { RedisJournals } from '../../support/redis/redis-journals.js';
import { startRedisCluster } from '../../support/redis/redis-cluster.js';
import { freePort, RedisServer } from '../../support/redis/redis-server.js';
import { rejectionOf } from '../../support/thrown.js';
import { until } from '../../support/until.js';

describe('the journal reaches Redis', () => {
  let servers: RedisServer[];
  let journals: RedisJournals;

  beforeEach(() => {
    servers = [];
  });
  afterEach(async () => {
    await journals.close();
    for (const server of servers) await server.stop();
  });

  const started = async (server: Promise<RedisServer>): Promise<RedisServer> => {
    servers.unshift(await server);
    return server;
  };

  /** Two coordinators store, and get what the other stored. */
  const works = async (): Promise<void> => {
    const [one, two] = [await journals.open(), await journals.open()];
    const [first] = await one.journal.append([{ entries: [note('a'), write('nodes/a', '1')] }]);
    expect(first?.kind).to.equal('stored');
    await until(() => two.received.length === 2);
    await two.journal.append([{ entries: [note('b')] }]);
    await until(() => one.received.length === 3);
    const page = await one.journal.read(one.journal.oldest, 10);
    expect(page.kind === 'page' && textsOf(page)).to.deep.equal(['a', 'nodes/a = 1', 'b']);
    expect(await tableOf(two.journal.rows(''))).to.have.key('nodes/a');
    expect(await two.journal.since(60_000)).to.deep.equal(two.journal.oldest);
    expect(await two.journal.producer(new Uint8Array(16))).to.equal(undefined);
  };

  describe('over TLS', () => {
    let folder: string;
    let tls: { cert: string; key: string; ca: string };
    let ca: TestCa;

    before(async () => {
      ca = await TestCa.make();
      const { certificate, key } = await ca.server();
      folder = await mkdtemp(join(tmpdir(), 'kelpie-redis-tls-'));
      const file = async (name: string, text: string): Promise<string> => {
        const path = join(folder, name);
        await writeFile(path, text);
        return path;
      };
      tls = {
        cert: await file('cert.pem', certificate),
        key: await file('key.pem', key),
        ca: await file('ca.pem', ca.certificate),
      };
    });
    after(() => rm(folder, { recursive: true }));

    it('whose authority it is given', async () => {
      const server = await started(RedisServer.start({ tls }));
      journals = new RedisJournals(server.url, 'main', ca.certificate);
      await works();
    });

    it('and refuses a server of another authority; a URL without TLS gets advice', async () => {
      const server = await started(RedisServer.start({ tls }));
      journals = new RedisJournals(server.url, 'main', (await TestCa.make()).certificate);
      const plain = new RedisJournals(server.url.replace('rediss', 'redis'), 'main');
      const opened = [journals, plain].map((one) => rejectionOf(JournalError, one.open()));
      const [error, other] = await Promise.all(opened);
      expect(error).to.include({ code: 'UNREACHABLE' });
      expect(error?.message).to.match(
        /self-signed .*; name the CA of Redis in the setting redis-ca/,
      );
      expect(other?.message).to.match(
        /ECONNRESET; if Redis has TLS there, its URL begins with rediss:/,
      );
    });
  });

  it('as a user that has only the rights that Kelpie names', async () => {
    const server = await started(RedisServer.start());
    await server.command('ACL', 'SETUSER', 'kelpie', 'on', '>pass word', ...REDIS_RIGHTS);
    await server.command('ACL', 'SETUSER', 'default', 'nopass', '+@all', '~*');
    journals = new RedisJournals(`redis://kelpie:pass%20word@127.0.0.1:${server.port}`);
    await works();
    const engine = await RedisEngine.open({
      redis: { url: `redis://kelpie:pass%20word@127.0.0.1:${server.port}` },
      id: 'one',
      clock: realClock,
      retention: { entries: 10, bytes: 1000, ageMs: 1000 },
      onFault: (error) => {
        throw error;
      },
      onWarning: () => undefined,
    });
    const facts = { version: '1', endpoint: '', sessions: 0, lagEntries: 0, draining: false };
    await engine.membership.beat({ id: 'one', ...facts }, 10_000);
    expect(await engine.membership.alive()).to.have.length(1);
    await engine.membership.leave('one');
    await engine.bus.broadcast(Buffer.from('hello'));
    await engine.bus.send('one', Buffer.from('hello'));
    expect(await engine.networks()).to.be.an('array');
    const credentials = engine.credentials();
    await credentials.write([{ id: 'a', expected: 0, bytes: Buffer.from('x') }]);
    expect(await credentials.revision()).to.be.at.least(1);
    await server.command('DEL', 'kelpie:{cluster}:credentials');
    expect(await credentials.revision()).to.be.at.least(1);
    await credentials.close();
    await engine.close();
    const log = await server.command('ACL', 'LOG');
    expect(log.trim()).to.equal('');
  });

  it('and shows neither password nor user if they are wrong', async () => {
    const server = await started(RedisServer.start());
    journals = new RedisJournals(`redis://nobody:secret@127.0.0.1:${server.port}`);
    const { message } = await rejectionOf(JournalError, journals.open());
    expect(message).to.include('WRONGPASS');
    expect(message).to.not.match(/nobody|secret/);
  });

  it('that sentinels name, also after they named another one', async () => {
    const primary = await started(RedisServer.start());
    const replica = await started(primary.replica());
    const sentinel = await started(primary.sentinel());
    await sentinel.until(async () =>
      (await sentinel.command('SENTINEL', 'replicas', 'kelpie')).includes(`${replica.port}`),
    );
    // The first sentinel of the list is not there.
    const gone = await freePort();
    const url = `redis+sentinel://127.0.0.1:${gone},127.0.0.1:${sentinel.port}/kelpie`;
    journals = new RedisJournals(url);
    await works();
    const [one, two] = [await journals.open(), await journals.open()];
    await primary.kill();
    await until(() => one.ends.length === 1 && two.ends.length === 1);
    journals.network = 'another';
    await works();
    expect(await replica.info('replication')).to.include('role:master');
  });

  it('in a cluster, each network at the owner of its slot', async () => {
    const nodes = await startRedisCluster();
    servers.push(...nodes);
    journals = new RedisJournals(`redis+cluster://127.0.0.1:${nodes[0].port}`);
    const owners = new Set<RedisServer>();
    for (const network of ['main', 'lobby', 'a', 'b']) {
      journals.network = network;
      await works();
      for (const node of nodes) {
        if ((await node.command('KEYS', `kelpie:{${network}}:*`)) !== '') owners.add(node);
      }
    }
    expect(owners.size).to.equal(2);
  });
});
