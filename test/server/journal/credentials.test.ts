/** The engines of the credential store, and what only the one in files promises. */
import {
  existsSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { startCoordinator } from '../../../server/coordinator.js';
import { JournalError } from '../../../server/journal/error.js';
import type { CredentialsMark } from '../../../server/journal/credential-store.js';
import { markIn } from '../../../server/journal/file/credentials-mark.js';
import { FileCredentialStore } from '../../../server/journal/file/file-credential-store.js';
import {
  MemoryCredentialStore,
  MemoryRecords,
} from '../../../server/journal/memory/memory-credential-store.js';
import type { KelpieError } from '../../../server/core/errors.js';
import { RedisConnection } from '../../../server/journal/redis/connection.js';
import { RedisCredentialStore } from '../../../server/journal/redis/redis-credential-store.js';
import { credentialStoreContract } from '../../contract/credentials.js';
import { FakeClock } from '../../support/clock/fake-clock.js';
import { realClock } from '../../support/clock/real-clock.js';
import { RedisServer } from '../../support/redis/redis-server.js';
import { until } from '../../support/until.js';
import { dataFolder, removeDataFolders } from '../../support/process/data-folder.js';

describe('credentials in memory', () => {
  credentialStoreContract(async () => {
    const records = new MemoryRecords();
    return async () => new MemoryCredentialStore(records);
  });
});

describe('credentials in Redis', () => {
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

  const open = async (mark?: CredentialsMark): Promise<RedisCredentialStore> => {
    const onFault = (error: unknown): never => {
      throw error;
    };
    const connection = new RedisConnection({ url: redis.url }, realClock, onFault);
    connections.push(connection);
    await connection.ready();
    return new RedisCredentialStore(connection, realClock, mark);
  };
  credentialStoreContract(async () => () => open());

  const KEY = 'kelpie:{cluster}:credentials';
  const idsOf = async (store: RedisCredentialStore): Promise<string[]> => {
    await store.revision();
    const ids: string[] = [];
    for await (const { id } of store.records()) ids.push(id);
    return ids.sort();
  };
  const harms: Record<string, readonly string[]> = {
    'were deleted': ['DEL', KEY],
    'were flushed': ['FLUSHALL'],
    'got another type': ['SET', KEY, 'text'],
    'lost their revision': ['HDEL', KEY, ''],
    'lost the script': ['SCRIPT', 'FLUSH'],
  };
  for (const [name, harm] of Object.entries(harms)) {
    it(`come back from a user that has read them when they ${name}`, async () => {
      const [writer, reader] = [await open(), await open()];
      const changes = Array.from({ length: 450 }, (_, index) => ({
        id: `credential-${String(index).padStart(3, '0')}`,
        bytes: Buffer.from(`record ${index}`),
        expected: 0,
      }));
      await writer.write(changes);
      const revision = await writer.write([{ id: 'credential-000', bytes: null, expected: 1 }]);
      const before = await idsOf(reader);
      expect(before).to.have.length(449);
      await redis.command(...harm);
      expect(await idsOf(reader)).to.deep.equal(before);
      expect(await reader.revision()).to.be.least(revision ?? 0);
      expect(await idsOf(await open())).to.deep.equal(before);
      const change = { id: 'credential-001', bytes: Buffer.from('newer'), expected: 1 };
      expect(await writer.write([change])).to.be.a('number');
      expect(await idsOf(writer)).to.deep.equal(before);
      expect(await redis.command('KEYS', `${KEY}:*`)).to.equal('');
    });
  }

  it('stay revoked when a user that has not read that writes them back first', async () => {
    const [revoker, late] = [await open(), await open()];
    await revoker.write([
      { id: 'op', bytes: Buffer.from('1'), expected: 0 },
      { id: 'victim', bytes: Buffer.from('1'), expected: 0 },
    ]);
    expect(await idsOf(late)).to.deep.equal(['op', 'victim']);
    await revoker.write([{ id: 'victim', bytes: null, expected: 1 }]);
    await redis.command('FLUSHALL');
    expect(await idsOf(late)).to.deep.equal(['op', 'victim']);
    await late.write([{ id: 'new', bytes: Buffer.from('1'), expected: 0 }]);
    const before = await late.revision();
    expect(await idsOf(revoker)).to.deep.equal(['op']);
    expect(await late.revision()).to.be.above(before);
    expect(await idsOf(late)).to.deep.equal(['op']);
    expect(await idsOf(revoker)).to.deep.equal(['op']);
  });

  it('fail with a typed error while Redis is away', async () => {
    const store = await open();
    await store.revision();
    await redis.kill();
    try {
      await until(() => !connections.some(({ isUp }) => isUp));
      const error = await store.revision().catch((reason: unknown) => reason);
      expect((error as KelpieError).reason).to.equal('ENGINE_UNAVAILABLE');
    } finally {
      await redis.restart();
    }
  });

  it('are missed by a coordinator that has had some, and by no other one', async () => {
    const folder = join(dataFolder(), 'data');
    const unwritable: unknown[] = [];
    const mark = markIn(folder, (error) => unwritable.push(error));
    const store = await open(mark);
    expect(await store.revision(), 'a new one').to.equal(0);
    expect(existsSync(folder), 'nothing is remembered yet').to.equal(false);
    await (await open()).write([{ id: 'a', bytes: Buffer.from('x'), expected: 0 }]);
    expect(await store.revision()).to.equal(1);
    expect(mark.isSet()).to.equal(true);
    await redis.command('FLUSHALL');
    const error = await (await open(mark)).revision().catch((reason: unknown) => reason);
    expect(error).to.include({ name: 'JournalError', code: 'DAMAGED' });
    expect(await (await open()).revision(), 'on another machine').to.equal(0);
    expect(unwritable).to.deep.equal([]);
    removeDataFolders();
  });

  it('serve a coordinator that cannot write its mark, which says so once', async () => {
    const unwritable: unknown[] = [];
    const mark = markIn('/proc/kelpie', (error) => unwritable.push(error));
    const store = await open(mark);
    await store.write([{ id: 'a', bytes: Buffer.from('x'), expected: 0 }]);
    expect(await (await open(mark)).revision()).to.equal(1);
    expect(unwritable).to.have.length(1);
  });

  it('are refused where the key is none of Kelpie', async () => {
    await redis.command('SET', KEY, 'text');
    const error = await (await open()).revision().catch((reason: unknown) => reason);
    expect((error as JournalError).code).to.equal('DAMAGED');
  });
});

describe('credentials in a file', () => {
  credentialStoreContract(async () => {
    const folder = dataFolder();
    return async () => new FileCredentialStore(folder, realClock);
  });
  after(removeDataFolders);

  const filled = async (): Promise<{ folder: string; path: string }> => {
    const folder = dataFolder();
    const store = new FileCredentialStore(folder, realClock);
    const changes = Array.from({ length: 40 }, (_, index) => ({
      id: `credential-${index}`,
      bytes: Buffer.from(`a long record number ${index} `.repeat(8)),
      expected: 0,
    }));
    await store.write(changes);
    await store.close();
    return { folder, path: join(folder, 'credentials.mdb') };
  };
  const readAll = async (folder: string): Promise<number> => {
    const store = new FileCredentialStore(folder, realClock);
    try {
      let count = 0;
      for await (const { bytes } of store.records()) count += Math.sign(bytes.length);
      await store.revision();
      return count;
    } finally {
      await store.close();
    }
  };
  const faultOf = async (folder: string): Promise<JournalError> => {
    const thrown = await readAll(folder).then(
      () => new Error('it was read'),
      (error: unknown) => error,
    );
    if (thrown instanceof JournalError) return thrown;
    throw thrown;
  };

  it('are still there when the store is opened again, for its user alone', async () => {
    const { folder, path } = await filled();
    expect(await readAll(folder)).to.equal(40);
    expect(statSync(path).mode & 0o777).to.equal(0o600);
    expect(statSync(`${path}-lock`).mode & 0o077).to.equal(0);
  });

  it('are refused when one bit of a record differs', async () => {
    const { folder, path } = await filled();
    const bytes = readFileSync(path);
    const at = bytes.lastIndexOf('a long record number 17');
    bytes[at] = bytes.readUInt8(at) ^ 1;
    writeFileSync(path, bytes);
    const { code, message } = await faultOf(folder);
    expect(code).to.equal('DAMAGED');
    expect(message).to.contain('kelpied token create').and.to.contain(path);
  });

  it('are refused when the file is no file of lmdb, or has lost its end', async () => {
    const { folder, path } = await filled();
    const bytes = readFileSync(path);
    for (const wrong of [Buffer.alloc(8192, 7), bytes.subarray(0, 8192 + 100)]) {
      writeFileSync(path, wrong);
      expect((await faultOf(folder)).code).to.equal('DAMAGED');
    }
  });

  it('are not forgotten when the file is gone or empty: the coordinator does not start', async () => {
    for (const lose of [rmSync, truncateSync]) {
      const { folder, path } = await filled();
      lose(path);
      const { code, message } = await faultOf(folder);
      expect([code, message.includes('kelpied token create')]).to.deep.equal(['DAMAGED', true]);
      const start = startCoordinator({ data: folder, port: 0 });
      const ended = await start.then(
        (started) => started.stop(),
        (error: unknown) => error,
      );
      expect(ended).to.be.instanceOf(JournalError);
      const anew = new FileCredentialStore(folder, realClock, { mayBeginAnew: true });
      await anew.write([{ id: 'operator', bytes: Buffer.of(1), expected: 0 }]);
      await anew.close();
      expect(await readAll(folder)).to.equal(1);
    }
  });

  it('are not changed, and reported once, when their file is removed or cut in use', async () => {
    for (const lose of [rmSync, truncateSync]) {
      const { folder, path } = await filled();
      const clock = new FakeClock();
      const store = new FileCredentialStore(folder, clock);
      await store.revision();
      let heard = 0;
      store.onChange(() => (heard += 1));
      lose(path);
      clock.advance(3000);
      expect(heard).to.equal(1);
      const change = [{ id: 'x', bytes: Buffer.of(1), expected: 0 }];
      for (const use of [store.revision(), store.write(change)]) {
        const fault = await use.catch((error: unknown) => error);
        expect(fault).to.be.instanceOf(JournalError).with.property('message').contains('removed');
      }
      await store.close();
    }
  });

  it('are not written through a symbolic link', async () => {
    const folder = dataFolder();
    symlinkSync(join(folder, 'elsewhere'), join(folder, 'credentials.mdb'));
    expect((await faultOf(folder)).code).to.equal('FOLDER');
  });
});
