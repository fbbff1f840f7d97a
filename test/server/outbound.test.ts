import { expect } from 'chai';
import { Heartbeat } from '../../gen/ts/kelpie/v1/session_service.js';
import type { Journal } from '../../server/journal/journal.js';
import { note } from '../support/entries.js';
import { settled } from '../support/history.js';
import { EARLIEST, hello, openHub, TestStream } from '../support/hub.js';

/** A node that reads from the beginning what the tail has no longer, out of this journal. */
async function readerOf(read: Journal['read']) {
  const town = await openHub({ tail: { entries: 1, bytes: 2 ** 20 } });
  for (let count = 0; count < 10; count++) await town.network.commit({ entries: [note('a')] });
  town.journal.read = read;
  const stream = new TestStream(town.hub);
  stream.send({ $case: 'hello', value: hello('lobby-1', { topics: ['>'], start: EARLIEST }) });
  await stream.next('welcome');
  return { ...town, stream };
}

describe('what goes out to a peer', () => {
  const unhandled: unknown[] = [];
  const take = (reason: unknown) => void unhandled.push(reason);
  before(() => process.on('unhandledRejection', take));
  after(() => process.off('unhandledRejection', take));
  afterEach('and no rejection is left that ends the process', () => {
    expect(unhandled).to.deep.equal([]);
  });

  it('ends with the fault of the reading that it did not wait for', async () => {
    const { stream } = await readerOf(() => Promise.reject(new Error('the disk is broken')));
    expect(String(await stream.ended())).to.contain('the disk is broken');
  });

  it('leaves no promise behind when its stream ends meanwhile', async () => {
    let fail = (): void => undefined;
    const broken = new Promise<never>((_, reject) => {
      fail = () => reject(new Error('the disk is broken'));
    });
    const { stream } = await readerOf(() => broken);
    await settled();
    await stream.cut();
    fail();
    await settled();
  });

  it('does not wait for a reading: heartbeats are answered meanwhile', async () => {
    const { stream } = await readerOf(() => new Promise(() => undefined));
    stream.send({ $case: 'heartbeat', value: Heartbeat.create() });
    expect((await stream.next('heartbeatAck')).cursor).to.equal(undefined);
    await stream.cut();
  });
});
