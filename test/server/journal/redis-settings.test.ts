/** The settings of a real Redis that kelpied looks at: each wrong one is found, and some are refused. */
import { expect } from 'chai';
import { realClock } from '../../../server/core/real-clock.js';
import { JournalError } from '../../../server/journal/error.js';
import { RedisConnection } from '../../../server/journal/redis/connection.js';
import {
  checkSettings,
  type SettingFault,
  SettingsWatch,
} from '../../../server/journal/redis/settings-check.js';
import { FakeClock } from '../../support/clock/fake-clock.js';
import { RedisServer } from '../../support/redis/redis-server.js';

const RETENTION_BYTES = 50 * 2 ** 20;

describe('the settings of Redis', () => {
  let server: RedisServer;
  const open: RedisConnection[] = [];

  /** Append-only, so that nothing is wrong with it. */
  before(async () => {
    server = await RedisServer.start({ persistent: true });
    await set('repl-diskless-sync-delay', '0');
    await server.command(
      'ACL',
      'SETUSER',
      'kelpie',
      'on',
      '>secret',
      '~*',
      '&*',
      '+@all',
      '-config',
    );
    await server.command('ACL', 'SETUSER', 'blind', 'on', '>secret', '~*', '&*', '+@all', '-info');
  });
  after(() => server.stop());
  afterEach(async () => {
    for (const connection of open.splice(0)) connection.close();
    await set('appendonly', 'yes', 'appendfsync', 'always', 'maxmemory', '0');
    await set('maxmemory-policy', 'noeviction', 'min-replicas-to-write', '0');
  });

  const set = (...words: readonly string[]) => server.command('CONFIG', 'SET', ...words);

  async function connection(user = ''): Promise<RedisConnection> {
    const url = server.url.replace('://', `://${user}`);
    const made = new RedisConnection({ url }, realClock, (fault) => expect.fail(String(fault)));
    open.push(made);
    await made.ready();
    return made;
  }

  const problems = async (user?: string): Promise<string[]> =>
    (await checkSettings(await connection(user), RETENTION_BYTES)).map(
      ({ problem }) => problem.split(/[: ]/)[0] ?? '',
    );

  const opened = async (user?: string): Promise<readonly SettingFault[] | JournalError> => {
    const parts = {
      connection: await connection(user),
      clock: new FakeClock(),
      retentionBytes: RETENTION_BYTES,
    };
    return SettingsWatch.open({ ...parts, onFound: () => undefined }).then(
      (watch) => watch.found,
      (error: unknown) => error as JournalError,
    );
  };

  it('are fine with an append-only file, without eviction and without replicas', async () => {
    expect(await opened()).to.deep.equal([]);
  });

  it('have a fault without an append-only file, or with one that is never synced', async () => {
    await set('appendfsync', 'no');
    expect(await problems()).to.deep.equal(['appendfsync']);
    await set('appendonly', 'no');
    expect(await problems()).to.deep.equal(['appendonly']);
  });

  it('have a fault with eviction, which is refused where it may take the keys of Kelpie', async () => {
    await set('maxmemory-policy', 'allkeys-lru');
    expect(await problems(), 'without a maxmemory').to.deep.equal(['maxmemory-policy']);
    expect(await opened()).to.have.length(1);
    await set('maxmemory', '100mb', 'maxmemory-policy', 'volatile-ttl');
    expect(await opened(), 'keys that expire alone').to.have.length(1);
    await set('maxmemory-policy', 'allkeys-random');
    const refusal = await opened();
    expect(refusal).to.include({ name: 'JournalError', code: 'SETTINGS' });
    expect(refusal)
      .to.have.property('message')
      .that.matches(/allkeys-random.*Set maxmemory-policy/);
  });

  it('have a fault with less memory than a network may keep', async () => {
    await set('maxmemory', String(RETENTION_BYTES));
    expect(await problems()).to.deep.equal(['maxmemory']);
    await set('maxmemory', '100mb');
    expect(await problems()).to.deep.equal([]);
  });

  it('have a fault with a replica that no write waits for', async () => {
    const replica = await server.replica();
    try {
      expect(await problems()).to.deep.equal(['min-replicas-to-write']);
      await set('min-replicas-to-write', '1');
      expect(await problems()).to.deep.equal([]);
    } finally {
      await replica.stop();
    }
  });

  it('are those that it may look at: it says where CONFIG is forbidden, and needs INFO', async () => {
    const [fault, ...others] = await checkSettings(
      await connection('kelpie:secret@'),
      RETENTION_BYTES,
    );
    expect(others).to.be.empty;
    expect(fault?.problem).to.match(/could not look at appendfsync: .*config/);
    expect(await opened('blind:secret@')).to.include({ code: 'UNREACHABLE' });
  });

  it('are refused of a version that is too old', async () => {
    const old = { command: async () => Buffer.from('redis_version:6.2.14\r\naof_enabled:0\r\n') };
    const [fault] = await checkSettings(old as unknown as RedisConnection, RETENTION_BYTES);
    expect(fault).to.include({ refused: true, problem: 'Redis is of version 6.2.14' });
  });

  it('are looked at again, and a new fault is reported once', async () => {
    const found: string[] = [];
    const clock = new FakeClock();
    const parts = { connection: await connection(), clock, retentionBytes: RETENTION_BYTES };
    const watch = await SettingsWatch.open({
      ...parts,
      onFound: ({ problem }) => found.push(problem),
    });
    await set('maxmemory', '100mb', 'maxmemory-policy', 'allkeys-lru');
    await watch.look();
    await watch.look();
    expect(found).to.have.length(1);
    expect(watch.found, 'a coordinator that runs goes on').to.have.length(1);
    await set('maxmemory-policy', 'noeviction');
    clock.advance(60_000);
    await server.until(async () => watch.found.length === 0);
    watch.close();
  });
});
