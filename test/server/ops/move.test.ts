/** Moves of networks between engines: the same rows and entries, and no cursor of before reads a wrong entry. */
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { existsSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { StoredCredential } from '../../../gen/ts/kelpie/storage/v1/credential.js';
import {
  ExportEnd,
  ExportHeader,
  type ExportPart,
} from '../../../gen/ts/kelpie/storage/v1/export.js';
import { Event } from '../../../gen/ts/kelpie/v1/event.js';
import { RedisEngine } from '../../../server/cluster/redis/engine.js';
import { realClock } from '../../../server/core/real-clock.js';
import { fileStorage } from '../../../server/journal/file/file-storage.js';
import { FileJournal } from '../../../server/journal/file/file-journal.js';
import type { Draft, Entry, Journal, Retention } from '../../../server/journal/journal.js';
import { writeExport } from '../../../server/ops/move/export-file.js';
import { moveIn, moveOut } from '../../../server/ops/move/move.js';
import type { Storage } from '../../../server/journal/storage.js';
import { RedisServer } from '../../support/redis/redis-server.js';

const retention: Retention = { entries: 1e6, bytes: 1e9, ageMs: 24 * 3_600_000 };
const HOUR_MS = 3_600_000;
const NOTHING = new Uint8Array(0);

describe('a network', () => {
  let redis: RedisServer;
  let folder: string;
  let files = 0;
  const opened: Storage[] = [];

  before(async () => {
    redis = await RedisServer.start();
    folder = await mkdtemp(join(tmpdir(), 'kelpie-move-'));
  });
  afterEach(async () => {
    for (const one of opened.splice(0)) await one.close();
    await redis.command('FLUSHALL');
  });
  after(async () => {
    await redis.stop();
    await rm(folder, { recursive: true });
  });

  async function inRedis(kept = retention): Promise<Storage> {
    const engine = await RedisEngine.open({
      ...{ redis: { url: redis.url }, id: `tool-${++files}`, clock: realClock, retention: kept },
      onFault: (error) => expect.fail(String(error)),
      onWarning: () => undefined,
    });
    const storage = engine.storage();
    opened.push(storage);
    return storage;
  }

  const inFiles = (kept = retention): Storage =>
    fileStorage({
      ...{ data: join(folder, `data-${++files}`), clock: realClock, retention: kept },
      own: (work) => work(),
    });

  const exported = (): string => join(folder, `export-${++files}`);

  /** Makes the journal of main in files, with these transactions. */
  async function made(
    transactions: readonly Draft[][],
    kept = retention,
    producers: readonly number[] = [],
  ): Promise<Storage> {
    const storage = inFiles(kept);
    const journal = await FileJournal.open({
      ...{ folder: storage.place, clock: realClock, retention: kept },
    });
    await Promise.all(transactions.map((entries) => journal.append([{ entries }])));
    for (const id of producers) {
      const producer = { instance: Buffer.alloc(16, id), previous: 0, last: 1 + id };
      await journal.append([{ producer, entries: [] }]);
    }
    await journal.close();
    return storage;
  }

  async function moved(from: Storage, to: Storage, replace = false) {
    const file = exported();
    await moveOut(from, { network: 'main', version: '1', file });
    return moveIn(to, { file, replace, clock: realClock });
  }

  async function using<T>(storage: Storage, use: (journal: Journal) => Promise<T>): Promise<T> {
    const journal = await storage.openJournal('main');
    return use(journal).finally(() => journal.close());
  }

  const contentOf = (storage: Storage) => using(storage, contentIn);

  it('has the same rows, entries and producers in Redis, and in files again', async () => {
    await fc.assert(
      fc.asyncProperty(history, kept, producers, async (transactions, entries, ids) => {
        const source = await made(transactions, { ...retention, entries }, ids);
        const before = await contentOf(source);
        const [there, back] = [await inRedis(), inFiles()];
        await moved(source, there, true);
        expect(await contentOf(there)).to.deep.equal(before);
        await moved(there, back);
        expect(await contentOf(back)).to.deep.equal(before);
        await redis.command('FLUSHALL');
      }),
      { numRuns: 12 },
    );
  });

  it('gives a gap to each reader of before, and new sequences above all of before', async () => {
    const source = await made([[text('a')], [text('b')]]);
    const [oldest, newest] = await using(source, async ({ oldest, head }) => {
      return [oldest, head] as const;
    });
    const target = await inRedis();
    await moved(source, target);
    await using(target, async (journal) => {
      expect(journal.oldest.sequence).to.be.greaterThan(newest.sequence);
      for (const cursor of [oldest, newest]) {
        const found = await journal.read(cursor, 10);
        expect(found).to.include({ kind: 'gap', reason: 'EPOCH_CHANGED' });
      }
    });
  });

  it('keeps the time of its entries, and as much of them as fits the retention', async () => {
    const now = Date.now();
    const ages = [3, 2, 1, 0].map((hours) => text(`${hours}`, now - hours * HOUR_MS));
    const source = await made(ages.map((one) => [one]));
    const all = await inRedis();
    await moved(source, all);
    const since = await using(all, async (journal) => {
      const page = await journal.read(await journal.since(1.5 * HOUR_MS), 10);
      const entries = page.kind === 'page' ? page.entries : [];
      return entries.filter(({ event }) => event.length > 0).map(textOf);
    });
    expect(since).to.deep.equal(['1', '0']);
    const young = inFiles({ ...retention, ageMs: 2.5 * HOUR_MS });
    await moved(source, young);
    const { entries } = await contentOf(young);
    expect(entries.map(({ event }) => textOf({ event: Buffer.from(event, 'hex') }))).to.deep.equal([
      '2',
      '1',
      '0',
    ]);
  });

  it('takes its credentials with it, and not those of others', async () => {
    const source = await made([[text('a')]]);
    await giveCredentials(source, { aa: 'main', bb: 'other' });
    const target = await inRedis();
    const { credentials } = await moved(source, target);
    expect(credentials).to.equal(1);
    const ids: string[] = [];
    for await (const { id } of (await target.credentials()).records()) ids.push(id);
    expect(ids).to.deep.equal(['aa']);
    // Once more, as after an import that was interrupted.
    await moved(source, target, true);
  });

  it('is not imported over another credential of the same id', async () => {
    const source = await made([[text('a')]]);
    await giveCredentials(source, { aa: 'main' });
    const target = inFiles();
    await moved(await made([[text('b')]]), target);
    await giveCredentials(target, { aa: 'other' });
    const failure = await failureOf(moved(source, target, true));
    expect(failure).to.match(/credential aa/);
    expect((await contentOf(target)).entries, 'nothing has changed').to.have.length(1);
  });

  it('is not imported where it is already, unless it shall be replaced', async () => {
    for (const target of [await inRedis(), inFiles()]) {
      await moved(await made([[text('a')], [text('b')]]), target);
      const source = await made([[text('c')]]);
      expect(await failureOf(moved(source, target))).to.match(/has the network main/);
      expect((await contentOf(target)).entries).to.have.length(2);
      await moved(source, target, true);
      expect((await contentOf(target)).entries).to.have.length(1);
    }
  });

  it('is neither exported nor imported while a coordinator uses it', async () => {
    const source = await made([[text('a')]]);
    const journal = await source.openJournal('main');
    expect(await failureOf(moveOut(source, { ...EXPORT, file: exported() }))).to.match(/in use/);
    await journal.close();
    const target = await inRedis();
    await moved(source, target);
    const engine = await RedisEngine.open({
      ...{ redis: { url: redis.url }, id: 'other', clock: realClock, retention },
      ...{ onFault: () => undefined, onWarning: () => undefined },
    });
    const facts = { endpoint: 'host:1', version: '1', sessions: 0, lagEntries: 0, draining: false };
    await engine.membership.beat({ id: 'other', ...facts }, 10_000);
    expect(await failureOf(moveOut(target, { ...EXPORT, file: exported() }))).to.match(/host:1/);
    expect(await failureOf(moved(source, target, true))).to.match(/host:1/);
    await engine.close();
  });

  it('leaves nothing behind when an operator interrupts its move', async () => {
    const source = await made(Array.from({ length: 3000 }, (_, at) => [text(`${at}`)]));
    const whole = exported();
    await moveOut(source, { ...EXPORT, file: whole });
    const out = new AbortController();
    const file = exported();
    const cut = { ...EXPORT, file, onEntries: () => out.abort(), interrupt: out.signal };
    expect(await failureOf(moveOut(source, cut))).to.equal('interrupted; nothing has changed');
    expect([file, `${file}.part`].filter((one) => existsSync(one))).to.deep.equal([]);
    for (const target of [await inRedis(), inFiles()]) {
      const into = new AbortController();
      const options = { file: whole, replace: false, clock: realClock, interrupt: into.signal };
      const onEntries = (done: number): void => {
        if (done > 1500) into.abort();
      };
      expect(await failureOf(moveIn(target, { ...options, onEntries }))).to.match(/^interrupted/);
      expect(await target.has('main')).to.equal(false);
      expect(existsSync(join(target.place, 'journal.import'))).to.equal(false);
    }
    expect(await redis.command('KEYS', '*main*')).to.equal('');
  });

  it('is never half in a file: its name is that of a whole export alone', async () => {
    const source = await made([[text('a')]]);
    const file = exported();
    await writeFile(`${file}.part`, 'of an export that was killed, or goes on');
    expect(await failureOf(moveOut(source, { ...EXPORT, file }))).to.match(
      /\.part is there already/,
    );
    expect(existsSync(file)).to.equal(false);
    expect(existsSync(`${file}.part`)).to.equal(true);
  });

  it('is not imported under a name that no network can have', async () => {
    const header = ExportHeader.fromPartial({ format: 1, network: '../../x' });
    const file = exported();
    const parts = async function* (): AsyncGenerator<ExportPart> {
      yield { part: { $case: 'header', value: header } };
      yield { part: { $case: 'end', value: ExportEnd.create() } };
    };
    await writeExport(file, parts());
    for (const target of [await inRedis(), inFiles()]) {
      const failure = await failureOf(moveIn(target, { file, replace: false, clock: realClock }));
      expect(failure).to.include('"../../x", which no network can have');
    }
    expect(await redis.command('KEYS', '*..*')).to.equal('');
  });

  it('is not there after an import that failed, and the file must be whole', async () => {
    const file = exported();
    const many = Array.from({ length: 300 }, (_, at) => [text(`${at}`), row(`k/${at}`, `${at}`)]);
    await moveOut(await made(many), { ...EXPORT, file });
    expect(statSync(file).mode & 0o777, 'for its owner alone').to.equal(0o600);
    await truncate(file, statSync(file).size - 100);
    for (const target of [await inRedis(), inFiles()]) {
      expect(await failureOf(moveIn(target, { file, replace: false, clock: realClock }))).to.match(
        /whole/,
      );
      expect(await target.has('main')).to.equal(false);
    }
    expect(await redis.command('KEYS', '*main*')).to.equal('');
    await writeFile(file, 'no export');
    expect(await failureOf(moveIn(inFiles(), { file, replace: false, clock: realClock }))).to.match(
      /no whole export/,
    );
    const source = await made([]);
    expect(await failureOf(moveOut(source, { ...EXPORT, file }))).to.match(/there already/);
    const missing = inFiles();
    expect(await failureOf(moveOut(missing, { ...EXPORT, file: exported() }))).to.match(
      /no data directory/,
    );
    expect(existsSync(missing.place)).to.equal(false);
  });
});

const EXPORT = { network: 'main', version: '1' };

async function failureOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'done',
    (error: unknown) => (error as Error).message,
  );
}

async function giveCredentials(storage: Storage, networks: Record<string, string>): Promise<void> {
  const store = await storage.credentials();
  await store.write(
    Object.entries(networks).map(([id, network]) => {
      const bytes = StoredCredential.encode(
        StoredCredential.fromPartial({ credential: { id, network, name: network } }),
      ).finish();
      return { id, bytes, expected: 0 };
    }),
  );
  await store.close();
}

const text = (words: string, atMs = Date.now()): Draft => {
  const message = { type: words, content: undefined, attributes: {}, clientWritten: undefined };
  const body = { $case: 'messagePublished' as const, value: message };
  const event = Event.encode(
    Event.fromPartial({ topic: 'chat.a', time: new Date(atMs), body: body }),
  ).finish();
  return { topic: 'chat.a', event, source: '' };
};

function textOf({ event }: Pick<Entry, 'event'>): string {
  const { body } = Event.decode(event);
  return body?.$case === 'messagePublished' ? body.value.type : '?';
}

const row = (key: string, value: string | null): Draft => {
  return {
    topic: 'state.x',
    event: NOTHING,
    source: 'a',
    key,
    value: value === null ? null : Buffer.from(value),
  };
};

const draft = fc.oneof(
  fc.string().map((words) => text(words)),
  fc
    .tuple(fc.constantFrom('a', 'b/c', 'd', 'ü'), fc.option(fc.string({ minLength: 1 })))
    .map(([key, value]) => row(key, value)),
);
const kept = fc.integer({ min: 1, max: 40 });
const producers = fc.uniqueArray(fc.nat({ max: 9 }), { maxLength: 3 });
const history = fc.array(fc.array(draft, { minLength: 1, maxLength: 5 }), { maxLength: 20 });

/** Entries without those that stand for rows alone. */
async function contentIn(journal: Journal) {
  const entries: object[] = [];
  for (let after = journal.oldest; after.sequence < journal.head.sequence;) {
    const page = await journal.read(after, 7);
    if (page.kind === 'gap') throw new Error('a gap');
    for (const { topic, event, source, key, value } of page.entries) {
      if (topic === 'kelpie.import') continue;
      const hexed = value ? Buffer.from(value).toString('hex') : value;
      entries.push({ topic, event: Buffer.from(event).toString('hex'), source, key, value: hexed });
    }
    after = page.upTo;
  }
  const rows = new Map<string, string>();
  for await (const { key, value } of journal.rows('')) {
    if (!key.startsWith('import/')) rows.set(key, Buffer.from(value).toString());
  }
  const producers = new Map<string, number>();
  for await (const { instance, last } of journal.producers())
    producers.set(Buffer.from(instance).toString('hex'), last);
  return {
    entries: entries as { topic: string; event: string }[],
    rows: [...rows].sort(([left], [right]) => (left < right ? -1 : 1)),
    producers: [...producers].sort(),
  };
}
