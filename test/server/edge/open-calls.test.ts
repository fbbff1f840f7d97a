/** Calls that their peers leave open. The test writes to the socket by hand, and moves the clock. */
import { connect } from 'node:http2';
import { queryObjects } from 'node:v8';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { type Coordinator, startCoordinator } from '../../../server/coordinator.js';
import { Session } from '../../../server/session/session.js';
import { FakeClock } from '../../support/clock/fake-clock.js';
import {
  Flag,
  FrameType,
  grpcMessage,
  RawPeer,
  requestHeaders,
  Setting,
} from '../../support/wire/raw-peer.js';
import { bytesOf, requestBytes } from '../../support/wire/contract.js';
import { helloOf } from '../../support/wire/frames.js';

const CANCEL = 8;
const NO_ERROR = 0;
const path = (name: string) => ({ ':path': `/kelpie.v1.${name}` });

describe('a call that its peer leaves open', () => {
  let clock: FakeClock;
  let coordinator: Coordinator;
  let peer: RawPeer;

  beforeEach(async () => {
    clock = new FakeClock();
    coordinator = await startCoordinator({ journal: 'memory', port: 0, clock });
  });

  afterEach(async () => {
    await peer.destroy();
    const stopped = coordinator.stop();
    clock.advance(10_000);
    await stopped;
  });

  /** Reads no bytes of answers, only headers. */
  const dry = (): RawPeer => {
    const settings = [[Setting.initialWindow, 0]] as const;
    return new RawPeer(coordinator.port, { polite: true, settings }).preface();
  };

  /** Resolves when the coordinator handles the earlier requests of the peer. */
  const passed = () => peer.ping();

  it('before its request is complete ends after 10 s, and not earlier', async () => {
    peer = new RawPeer(coordinator.port, { polite: true }).preface();
    const request = bytesOf('NodeService.GetNode', { name: 'lobby-1' });
    const whole = Buffer.concat([Buffer.of(0, 0, 0, 0, request.length), request]);
    peer.open(1, path('NodeService/GetNode'));
    peer.send(FrameType.data, Flag.none, 1, whole.subarray(0, -1));
    await passed();
    clock.advance(9500);
    await passed();
    expect(peer.answered.has(1)).to.equal(false);
    clock.advance(2500);
    await peer.until(() => peer.answered.has(1), 'the status');
    await peer.until(() => peer.resetStreams.has(1), 'the reset');
    expect([...peer.resets.keys()]).to.deep.equal([NO_ERROR]);
  });

  it('and that reads nothing of its answer is broken off after 60 s', async () => {
    peer = dry();
    peer.open(1, path('CoordinatorService/GetInfo'));
    peer.send(FrameType.data, Flag.endStream, 1, Buffer.alloc(5));
    await peer.until(() => peer.answered.has(1), 'the headers');
    clock.advance(55_000);
    await passed();
    expect(peer.resetStreams.size).to.equal(0);
    clock.advance(10_000);
    await peer.until(() => peer.resetStreams.has(1), 'the reset');
    expect([...peer.resets.keys()]).to.deep.equal([CANCEL]);
  });

  it('whose session has ended is broken off after 5 s', async () => {
    peer = dry();
    const hello = requestBytes({ hello: helloOf('lobby-1') });
    // The same process twice: the newer stream takes over. Neither gets its Welcome.
    for (const stream of [1, 3]) {
      peer.open(stream).message(stream, hello);
      await peer.until(() => peer.answered.has(stream), 'the headers');
      await passed();
    }
    clock.advance(4500);
    await passed();
    expect(peer.resetStreams.size).to.equal(0);
    clock.advance(2500);
    await peer.until(() => peer.resetStreams.has(1), 'the reset');
    expect(peer.resetStreams.has(3), 'the newer one').to.equal(false);
  });

  it('and whose session takes nothing ends with it, and its memory is free', async () => {
    const sessions = countOf(Session);
    peer = dry();
    peer.open(1).message(1, requestBytes({ hello: helloOf('lobby-1') }));
    await peer.until(() => peer.answered.has(1), 'the headers');
    expect(countOf(Session)).to.equal(sessions + 1);
    // It sends all the time.
    for (let second = 0; second < 60 && !peer.resetStreams.has(1); second++) {
      peer.message(1, requestBytes({ heartbeat: {} }));
      await passed();
      clock.advance(1000);
    }
    await peer.until(() => peer.resetStreams.has(1), 'the reset');
    await passed();
    expect(countOf(Session)).to.equal(sessions);
  });

  it('with messages that the session does not read yet is read up to 256 KiB', async () => {
    peer = new RawPeer(coordinator.port, { polite: true }).preface();
    const other = requestBytes({ hello: helloOf('lobby-1') });
    peer.open(1).message(1, other);
    await peer.until(() => peer.dataBytes > 0, 'the Welcome');
    // The session waits for the result of the probe of the first one, and reads nothing meanwhile.
    const session = connect(`http://127.0.0.1:${coordinator.port}`, { maxSessionMemory: 64 });
    const stream = session.request(requestHeaders());
    stream.on('error', () => undefined);
    stream.write(grpcMessage(requestBytes({ hello: helloOf('lobby-1') })));
    const message = grpcMessage(Buffer.alloc(1024 * 1024 - 8));
    let taken = 0;
    for (let count = 0; count < 12; count++) stream.write(message, () => taken++);
    await peer.until(() => peer.count(FrameType.data) > 1, 'the probe');
    for (let before = -1; before !== taken;) {
      before = taken;
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
    expect(taken).to.be.below(4);
    session.destroy();
    clock.advance(5000);
  });

  it('and is idle stays open: an idle watch costs nothing', async () => {
    peer = dry();
    const start = { at: 'START_AT_LATEST' };
    const request = bytesOf('EventService.WatchEvents', { topics: ['chat.>'], start });
    const message = Buffer.concat([Buffer.of(0, 0, 0, 0, request.length), request]);
    peer.open(1, path('EventService/WatchEvents'));
    peer.send(FrameType.data, Flag.endStream, 1, message);
    await passed();
    clock.advance(10_000_000);
    await passed();
    expect(peer.resetStreams.size).to.equal(0);
  });
});

/** The objects of a class in memory, after a full collection. */
function countOf(constructor: typeof Session): number {
  return queryObjects(constructor, { format: 'count' });
}

describe('compressed requests', () => {
  /** A peer with `count` watches, each with a name of a megabyte. */
  const watching = async (port: number, count: number): Promise<RawPeer> => {
    const name = Buffer.alloc(1_000_000, 'x');
    // Field 1, and the length of the name as a varint.
    const request = gzipSync(Buffer.concat([Buffer.of(0x0a, 0xc0, 0x84, 0x3d), name]));
    const headers = { 'grpc-encoding': 'gzip', ':path': '/grpc.health.v1.Health/Watch' };
    const peer = new RawPeer(port, { polite: true }).preface();
    for (let watch = 1; watch <= count; watch++) {
      peer.open(2 * watch - 1, headers);
      peer.send(FrameType.data, Flag.endStream, 2 * watch - 1, grpcMessage(request, 1));
      // No more than the window of the connection.
      if (watch % 40 === 0) await peer.until(() => peer.answered.size === watch, 'the answers');
    }
    return peer;
  };

  it('count with their uncompressed bytes, and release them', async () => {
    const coordinator = await startCoordinator({ journal: 'memory', port: 0 });
    for (let round = 0; round < 2; round++) {
      const peer = await watching(coordinator.port, 80);
      await peer.ping();
      // Only requests that were not refused have an answer.
      expect(peer.count(FrameType.data)).to.be.within(60, 67);
      await peer.destroy();
    }
    await coordinator.stop();
  });
});
