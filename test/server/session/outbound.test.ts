import { expect } from 'chai';
import { ConnectResponse, Heartbeat } from '../../../gen/ts/kelpie/v1/session_service.js';
import type { Journal } from '../../../server/journal/journal.js';
import { Outbound } from '../../../server/session/outbound.js';
import { note } from '../../support/journal/entries.js';
import { settled } from '../../support/journal/history.js';
import { EARLIEST, hello, openCoordinator, TestStream } from '../../support/model/coordinator.js';

/** A node that reads from the beginning of this journal, before the entries of the tail. */
async function readerOf(read: Journal['read']) {
  const town = await openCoordinator({ tail: { entries: 1, bytes: 2 ** 20 } });
  for (let count = 0; count < 10; count++) await town.network.commit({ entries: [note('a')] });
  town.journal.read = read;
  const stream = new TestStream(town.port);
  stream.send({ $case: 'hello', value: hello('lobby-1', { topics: ['>'], start: EARLIEST }) });
  await stream.next('welcome');
  return { ...town, stream };
}

describe('the frames to a peer', () => {
  const unhandled: unknown[] = [];
  const take = (reason: unknown) => void unhandled.push(reason);
  before(() => process.on('unhandledRejection', take));
  after(() => process.off('unhandledRejection', take));
  afterEach('and no unhandled rejection ends the process', () => {
    expect(unhandled).to.deep.equal([]);
  });

  it('end with the fault of a read in the background', async () => {
    const { stream } = await readerOf(() => Promise.reject(new Error('the disk is broken')));
    expect(String(await stream.ended())).to.contain('the disk is broken');
  });

  it('leave no promise behind when the stream ends meanwhile', async () => {
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

  it('go in several messages if they are many, in order, before the stream ends', async () => {
    const outbound = new Outbound(() => []);
    const frame = {
      $case: 'drain',
      value: { grace: undefined, reconnectWindow: undefined, mayStay: false },
    } as const;
    for (let requestId = 1; requestId <= 200_000; requestId++) outbound.send(frame, requestId);
    outbound.end();
    const seen: number[] = [];
    for await (const message of outbound.messages()) {
      expect(message.length).to.be.below(300 * 1024);
      for (const { requestId } of ConnectResponse.decode(message).frames) seen.push(requestId);
    }
    expect(seen).to.deep.equal(Array.from({ length: 200_000 }, (_, index) => index + 1));
  });

  it('do not wait for a read: heartbeats are answered meanwhile', async () => {
    const { stream } = await readerOf(() => new Promise(() => undefined));
    stream.send({ $case: 'heartbeat', value: Heartbeat.create() });
    expect((await stream.next('heartbeatAck')).cursor).to.equal(undefined);
    await stream.cut();
  });
});
