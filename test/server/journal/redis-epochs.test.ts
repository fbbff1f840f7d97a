/**
 * A fault of the keys never makes an entry missing or wrong without a new epoch. All journals of a network then end,
 * one of them begins the epoch, and the journals that open afterwards share it.
 */
import { cp, rm } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import { hex } from '../../../server/core/cursor.js';
import { KelpieError } from '../../../server/core/errors.js';
import { JournalError, NotStored } from '../../../server/journal/error.js';
import { note, tableOf, textsOf, write } from '../../support/journal/entries.js';
import { instanceOf } from '../../support/journal/journal-model.js';
import { type Coordinator, RedisJournals } from '../../support/redis/redis-journals.js';
import { RedisServer } from '../../support/redis/redis-server.js';
import { rejectionOf } from '../../support/thrown.js';
import { until } from '../../support/until.js';

const KEYS = ['meta', 'log', 'table', 'producers', 'own'].map((part) => `kelpie:{main}:${part}`);

describe('the epoch of a network in Redis', () => {
  let server: RedisServer;
  let journals: RedisJournals;
  let a: Coordinator;
  let b: Coordinator;

  before(async () => {
    server = await RedisServer.start();
  });
  after(() => server.stop());
  beforeEach(async () => {
    await server.command('FLUSHALL');
    journals = new RedisJournals(server.url);
    [a, b] = [await journals.open(), await journals.open()];
    await a.journal.append([{ entries: [note('a'), write('nodes/a', '1')] }]);
    await until(() => b.journal.head.sequence === a.journal.head.sequence);
  });
  afterEach(() => journals.close());

  const ended = async (): Promise<void> => {
    await until(() => a.ends.length > 0 && b.ends.length > 0);
    expect([a.ends.length, b.ends.length]).to.deep.equal([1, 1]);
  };

  /** Opens both anew, and checks that they are one network in an epoch above the former one. */
  const reopened = async (url = server.url): Promise<[Coordinator, Coordinator]> => {
    const former = [a.journal.head, b.journal.head];
    const next = [
      await journals.open({}, undefined, url),
      await journals.open({}, undefined, url),
    ] as const;
    const [{ journal }, other] = next;
    expect(other.journal.head.epoch).to.deep.equal(journal.head.epoch);
    for (const head of former) {
      expect(journal.head.epoch).to.not.deep.equal(head.epoch);
      expect(journal.head.sequence).to.be.above(head.sequence);
      const answer = await journal.read(head, 10);
      expect(answer.kind === 'gap' && answer.reason).to.equal('EPOCH_CHANGED');
    }
    const page = await journal.read(journal.oldest, 10);
    expect(page.kind === 'page' && page.entries).to.be.empty;
    await journal.append([{ entries: [note('next')] }]);
    await until(() => textsOf({ entries: other.received }).join() === 'next');
    return [...next];
  };

  it('ends when all keys are gone', async () => {
    await server.command('FLUSHALL');
    await ended();
    await reopened();
    expect(await tableOf((await journals.open()).journal.rows(''))).to.be.empty;
  });

  for (const key of KEYS) {
    it(`ends when the key ${key} is gone; rows that are there stay`, async () => {
      await server.command('DEL', key);
      await ended();
      const [{ journal }] = await reopened();
      const rows = key.endsWith('table') ? 0 : 1;
      expect(await tableOf(journal.rows(''))).to.have.property('size', rows);
    });

    it(`ends when the key ${key} has a wrong type`, async () => {
      await server.command('DEL', key);
      await server.command('SET', key, 'x');
      await ended();
      await reopened();
    });

    it(`ends when an append finds that the key ${key} is gone, and stores nothing of it`, async () => {
      await server.command('DEL', key);
      await rejectionOf(NotStored, a.journal.append([{ entries: [write('nodes/b', 'x')] }]));
      await ended();
      const [{ journal }] = await reopened();
      expect(await tableOf(journal.rows(''))).to.not.have.key('nodes/b');
    });
  }

  it('ends when a key comes from elsewhere', async () => {
    for (const [key, field] of [
      ['meta', 'epoch'],
      ['table', ''],
      ['producers', ''],
    ] as const) {
      await server.command('HSET', `kelpie:{main}:${key}`, field, 'another epoch...');
      await ended();
      [a, b] = await reopened();
    }
    await server.command('ZREMRANGEBYRANK', 'kelpie:{main}:own', '0', '-1');
    await server.command('ZADD', 'kelpie:{main}:own', '0', '#another');
    await ended();
    await reopened();
  });

  it('keeps its rows beside fields of the table that are no rows', async () => {
    for (const junk of ['', 'junk', 'a text that is long enough for a sequence']) {
      await server.command('HSET', 'kelpie:{main}:table', `nodes/${junk}`, junk);
    }
    await server.command('DEL', 'kelpie:{main}:own');
    await ended();
    const [{ journal }] = await reopened();
    expect(await tableOf(journal.rows(''))).to.have.all.keys('nodes/a');
  });

  it('ends when the log was replaced by an older one', async () => {
    const log = await server.command('XRANGE', 'kelpie:{main}:log', '-', '+');
    const [id = ''] = log.split('\n');
    await a.journal.append([{ entries: [note('b')] }]);
    // In one step: between two commands a coordinator may find that the log is gone, and begin another one.
    const replace =
      "redis.call('DEL', KEYS[1]) redis.call('XADD', KEYS[1], ARGV[1], 'h', '{}', 'd', 'x')";
    await server.command('EVAL', replace, '1', 'kelpie:{main}:log', id);
    await ended();
    await reopened();
  });

  it('ends when the newest entry has another tag, or the sequence ran back', async () => {
    await server.command('HSET', 'kelpie:{main}:meta', 'tag', '1');
    await ended();
    [a, b] = await reopened();
    await server.command('HINCRBY', 'kelpie:{main}:meta', 'newest', '-1');
    await ended();
    await reopened();
  });

  it('ends at a broken chain of tags, although the newest entry is right', async () => {
    await journals.close();
    a = await journals.open();
    const { head } = a.journal;
    // A message of another history: it looks like the next entry.
    const forged = JSON.stringify({ t: 5, p: (head.tag ^ 1) >>> 0, G: ['x'] });
    await server.command(
      'PUBLISH',
      'kelpie:{main}:bell',
      `another writer..${head.sequence + 1}-1 1 ${forged}\nmarks.x`,
    );
    await until(() => a.ends.length === 1);
    expect(a.received).to.be.empty;
  });

  it('begins once, however many coordinators find that the former one has ended', async () => {
    const more = [await journals.open(), await journals.open(), await journals.open()];
    await server.command('DEL', 'kelpie:{main}:meta');
    await until(() => [a, b, ...more].every(({ ends }) => ends.length === 1));
    const next = await Promise.all([1, 2, 3].map(() => journals.open()));
    expect(new Set(next.map(({ journal }) => hex(journal.head.epoch))).size).to.equal(1);
    // Each asks whether its epoch is the present one.
    await Promise.all(next.map(({ journal }) => journal.newest()));
    expect(next.flatMap(({ ends }) => ends)).to.be.empty;
  });

  it('leaves an ended journal without a use', async () => {
    const { head } = a.journal;
    await server.command('FLUSHALL');
    await ended();
    await rejectionOf(NotStored, a.journal.append([{ entries: [note('x')] }]));
    for (const use of [
      () => a.journal.read(head, 1),
      () => a.journal.newest(),
      () => a.journal.since(1000),
      () => a.journal.producer(instanceOf(1)),
      () => tableOf(a.journal.rows('')),
    ]) {
      expect(await rejectionOf(KelpieError, use())).to.include({ reason: 'EPOCH_ENDED' });
    }
  });

  it('keeps the numbers of producers as lower bounds: the last ones may be lost', async () => {
    const instance = instanceOf(1);
    const publish = ({ journal }: Coordinator, previous: number) =>
      journal.append([
        { producer: { instance, previous, last: previous + 1 }, entries: [note('x')] },
      ]);
    await publish(a, 6);
    await server.command('DEL', 'kelpie:{main}:log');
    await ended();
    const [next] = await reopened();
    expect(await next.journal.producer(instance)).to.equal(7);
    expect(await publish(next, 6)).to.deep.equal([{ kind: 'producerAt', sequence: 7 }]);
    const [outcome] = await publish(next, 10);
    expect(outcome?.kind).to.equal('stored');
    expect(await next.journal.producer(instance)).to.equal(11);
    expect(await publish(next, 12)).to.deep.equal([{ kind: 'producerAt', sequence: 11 }]);
  });

  it('lies above all sequences that were handed out, although clocks and keys know of none', async () => {
    await server.command('HINCRBY', 'kelpie:{main}:meta', 'newest', '1000000000000');
    await until(() => a.journal.head.sequence > 0);
    await server.command('DEL', 'kelpie:{main}:table');
    await ended();
    const next = await journals.open();
    expect(next.journal.head.sequence).to.be.above(a.journal.head.sequence);
    expect(Number.isSafeInteger(next.journal.head.sequence)).to.equal(true);
  });

  it('is refused if a newer version of Kelpie wrote the keys, which stay', async () => {
    await journals.close();
    await server.command('HSET', 'kelpie:{main}:meta', 'format', '2');
    expect(await rejectionOf(JournalError, journals.open())).to.include({ code: 'FORMAT' });
    expect(await server.command('HGET', 'kelpie:{main}:meta', 'format')).to.equal('2');
  });
});

describe('a Redis that is not the one it was', () => {
  let server: RedisServer;
  let journals: RedisJournals;

  afterEach(async () => {
    await journals.close();
    await server.stop();
  });

  it('begins a new epoch when it comes back without its data', async () => {
    server = await RedisServer.start();
    journals = new RedisJournals(server.url);
    const one = await journals.open();
    await one.journal.append([{ entries: [note('a'), write('nodes/a', '1')] }]);
    await server.restart();
    await until(() => one.ends.length === 1);
    const next = await journals.open();
    expect(next.journal.head.sequence).to.be.above(one.journal.head.sequence);
    expect(await tableOf(next.journal.rows(''))).to.be.empty;
  });

  it('begins a new epoch when it comes back with its data: some may be lost. Rows stay', async () => {
    server = await RedisServer.start({ persistent: true });
    journals = new RedisJournals(server.url);
    const one = await journals.open();
    await one.journal.append([{ entries: [note('a'), write('nodes/a', '1')] }]);
    await server.restart();
    await until(() => one.ends.length === 1);
    expect(one.ends).to.deep.equal(['replication']);
    const next = await journals.open();
    expect(next.journal.head.sequence).to.be.above(one.journal.head.sequence);
    expect(await tableOf(next.journal.rows(''))).to.have.key('nodes/a');
  });

  it('begins a new epoch when it comes back from an old copy of its data', async () => {
    server = await RedisServer.start({ persistent: true });
    journals = new RedisJournals(server.url);
    const one = await journals.open();
    await one.journal.append([{ entries: [write('nodes/a', 'old')] }]);
    const [data, copy] = ['appendonlydir', 'copy'].map((name) => join(server.folder, name));
    if (!data || !copy) throw new Error('no folder');
    await cp(data, copy, { recursive: true });
    await one.journal.append([{ entries: [write('nodes/a', 'new'), note('lost')] }]);
    await server.kill();
    await rm(data, { recursive: true });
    await cp(copy, data, { recursive: true });
    await server.restart();
    await until(() => one.ends.length === 1);
    const next = await journals.open();
    expect(next.journal.head.sequence).to.be.above(one.journal.head.sequence);
    expect(
      [...(await tableOf(next.journal.rows(''))).values()].map(({ value }) => value),
    ).to.deep.equal(['old']);
  });

  describe('after a failover that lost acknowledged entries', () => {
    let replica: RedisServer;
    let door: Door;

    beforeEach(async () => {
      server = await RedisServer.start();
      replica = await server.replica();
      door = await Door.open(server.port);
      journals = new RedisJournals(door.url);
    });
    afterEach(async () => {
      await door.close();
      await replica.stop();
    });

    it('gives a gap to every reader, and new sequences to new entries', async () => {
      const one = await journals.open();
      const two = await journals.open();
      for (const text of ['1', '2', '3']) await one.journal.append([{ entries: [note(text)] }]);
      const common = one.journal.head;
      await replica.until(async () => (await replica.command('XLEN', 'kelpie:{main}:log')) === '3');
      await replica.command('REPLICAOF', 'NO', 'ONE');
      // The old primary still acknowledges; the new one does not have these.
      for (const text of ['old 4', 'old 5', 'old 6']) {
        await one.journal.append([{ entries: [note(text), write(`nodes/${text}`, text)] }]);
      }
      const lost = one.journal.head;
      await server.kill();
      door.port = replica.port;
      await until(() => one.ends.length === 1 && two.ends.length === 1);
      const next = await journals.open();
      for (const text of ['new 4', 'new 5', 'new 6', 'new 7']) {
        await next.journal.append([{ entries: [note(text)] }]);
      }
      // Also a reader inside the common history gets a gap: it was owed entries that are lost.
      for (const cursor of [common, lost]) {
        const answer = await next.journal.read(cursor, 10);
        expect(answer.kind === 'gap' && answer.reason).to.equal('EPOCH_CHANGED');
      }
      const page = await next.journal.read(next.journal.oldest, 10);
      expect(page.kind === 'page' && textsOf(page)).to.deep.equal([
        'new 4',
        'new 5',
        'new 6',
        'new 7',
      ]);
      const sequences = page.kind === 'page' ? page.entries.map(({ sequence }) => sequence) : [];
      expect(Math.min(...sequences)).to.be.above(lost.sequence);
      expect(await tableOf(next.journal.rows(''))).to.be.empty;
    });

    it('shows it to a coordinator that comes new and remembers nothing', async () => {
      const one = await journals.open();
      for (const text of ['1', '2', '3']) await one.journal.append([{ entries: [note(text)] }]);
      const common = one.journal.head;
      await replica.until(async () => (await replica.command('XLEN', 'kelpie:{main}:log')) === '3');
      await replica.command('REPLICAOF', 'NO', 'ONE');
      await one.journal.append([{ entries: [note('old 4')] }]);
      const lost = one.journal.head;
      await journals.close();
      door.port = replica.port;
      const next = await journals.open();
      await next.journal.append([{ entries: [note('new 4'), note('new 5')] }]);
      for (const cursor of [common, lost]) {
        const answer = await next.journal.read(cursor, 10);
        expect(answer.kind === 'gap' && answer.reason).to.equal('EPOCH_CHANGED');
      }
    });

    it('stores nothing through a primary that became a replica', async () => {
      const one = await journals.open();
      await one.journal.append([{ entries: [note('1')] }]);
      await replica.command('REPLICAOF', 'NO', 'ONE');
      await server.command('REPLICAOF', '127.0.0.1', `${replica.port}`);
      await rejectionOf(NotStored, one.journal.append([{ entries: [note('2')] }]));
      door.port = replica.port;
      await until(() => one.ends.length === 1);
      const next = await journals.open();
      await next.journal.append([{ entries: [note('3')] }]);
      expect(textsOf({ entries: next.received })).to.deep.equal(['3']);
    });
  });
});

/** A port that leads to the present primary, as an address that moves with it does. */
class Door {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  port: number;

  private constructor(port: number) {
    this.port = port;
    this.#server = createServer((socket) => {
      const to = connect(this.port, '127.0.0.1');
      for (const one of [socket, to]) {
        this.#sockets.add(one);
        one
          .on('error', () => undefined)
          .on('close', () => [socket, to].forEach((end) => end.destroy()));
      }
      socket.pipe(to).pipe(socket);
    });
  }

  static async open(port: number): Promise<Door> {
    const door = new Door(port);
    await new Promise<void>((resolve) => door.#server.listen(0, '127.0.0.1', resolve));
    return door;
  }

  get url(): string {
    return `redis://127.0.0.1:${(this.#server.address() as { port: number }).port}`;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
