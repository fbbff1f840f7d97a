/** The numbers of calls, by which a call that is sent twice is carried out once, and none overtakes another. */
import { expect } from 'chai';
import { realClock } from '../../../server/core/real-clock.js';
import { Encoder } from '../../../server/journal/redis/call.js';
import { RedisConnection } from '../../../server/journal/redis/connection.js';
import { type Call, PendingAppend } from '../../../server/journal/redis/pending-append.js';
import type { Snapshot } from '../../../server/journal/redis/run.js';
import { RedisStore } from '../../../server/journal/redis/store.js';
import { TopicGroups } from '../../../server/journal/topic-groups.js';
import { note } from '../../support/journal/entries.js';
import { RedisServer } from '../../support/redis/redis-server.js';

describe('a call of the append script', () => {
  let server: RedisServer;
  let connection: RedisConnection;
  let store: RedisStore;
  let opened: Snapshot;
  let networks = 0;
  const encoder = new Encoder({ entries: 1000, bytes: 2 ** 30, ageMs: 2 ** 40 }, new TopicGroups());

  before(async () => {
    server = await RedisServer.start();
    connection = new RedisConnection({ url: server.url }, realClock, (error) => {
      throw error;
    });
    await connection.ready();
  });
  after(async () => {
    connection.close();
    await server.stop();
  });
  beforeEach(async () => {
    store = new RedisStore(connection, `c${++networks}`, realClock);
    opened = await store.open(undefined, 0);
    await store.load();
  });

  const call = (number: number, text: string): Call => {
    const append = new PendingAppend(1, () => () => undefined);
    const encoded = encoder.encode({ entries: [note(text)] });
    return { number, tag: number, units: [{ encoded, append }], state: 'sent', maybe: false };
  };
  const send = (one: Call, oldest: number, from = store) =>
    from.append(opened.epoch, one, { oldest, seen: 0, limits: encoder.limits });
  const log = async (): Promise<number[]> => {
    const { newest } = await store.read(opened.epoch, 0, 0, 0);
    const { runs } = await store.read(opened.epoch, opened.head.sequence + 1, 1000, 2 ** 20);
    expect(newest.sequence).to.equal(opened.head.sequence + runs.length);
    return runs.map(([, [, json]]) => (JSON.parse(json.toString()) as { t: number }).t);
  };

  it('must wait until the calls before it were carried out', async () => {
    expect(await send(call(2, 'b'), 1)).to.deep.equal(['ORDER']);
    expect((await send(call(1, 'a'), 1))[0]).to.equal('OK');
    expect((await send(call(2, 'b'), 1))[0]).to.equal('OK');
    expect(await log()).to.deep.equal([1, 2]);
  });

  it('need not wait for calls that were given up', async () => {
    expect((await send(call(3, 'c'), 3))[0]).to.equal('OK');
    expect(await send(call(1, 'a'), 1)).to.deep.equal(['STALE']);
    expect(await log()).to.deep.equal([3]);
  });

  it('gets the stored outcome if it is sent again, also when later calls were carried out', async () => {
    const [, first, newest] = await send(call(1, 'a'), 1);
    for (let number = 2; number <= 8; number++) await send(call(number, 'x'), 1);
    expect(await send(call(1, 'a'), 1)).to.deep.equal(['AGAIN', first, newest, '']);
    await send(call(9, 'x'), 9);
    expect(await send(call(1, 'a'), 1)).to.deep.equal(['STALE']);
    expect(await log()).to.deep.equal([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it('has a number of its writer alone', async () => {
    const other = new RedisStore(connection, `c${networks}`, realClock);
    expect((await send(call(1, 'a'), 1))[0]).to.equal('OK');
    expect((await send(call(1, 'b'), 1, other))[0]).to.equal('OK');
  });

  it('is carried out in its epoch alone, which one of several coordinators replaces', async () => {
    const others = [1, 2, 3].map(() => new RedisStore(connection, `c${networks}`, realClock));
    const epochs: Uint8Array[] = [];
    for (const other of others) epochs.push((await other.open(opened.epoch, 0)).epoch);
    expect(epochs[0]).to.not.deep.equal(opened.epoch);
    expect(epochs[1]).to.deep.equal(epochs[0]);
    expect(epochs[2]).to.deep.equal(epochs[0]);
    expect((await send(call(1, 'a'), 1))[0]).to.equal('EPOCH');
  });

  it('is remembered for the 64 writers that stored last', async () => {
    const first = store;
    await send(call(1, 'a'), 1, first);
    for (let index = 0; index < 70; index++) {
      const one = new RedisStore(connection, `c${networks}`, realClock);
      await one.open(undefined, 0);
      await send(call(1, 'x'), 1, one);
    }
    await store.open(undefined, 0);
    const fields = await server.command('HKEYS', `kelpie:{c${networks}}:meta`);
    expect(fields.split('\n').filter((name) => /^w:[0-9a-f]+$/.test(name))).to.have.length(64);
  });
});
