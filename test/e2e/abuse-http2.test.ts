/**
 * Abuse below gRPC, by plain sockets: floods of frames, very many streams, and peers that never finish. The coordinator
 * bounds all of it in count and time.
 */
import { expect } from 'chai';
import { Besieged } from '../support/process/besieged.js';
import {
  Flag,
  FrameType,
  frameOf,
  grpcMessage,
  headerBlock,
  RawPeer,
  requestHeaders,
  Setting,
  setting,
  uint32,
} from '../support/wire/raw-peer.js';
import { requestBytes } from '../support/wire/contract.js';
import { helloOf } from '../support/wire/frames.js';

const CANCEL = 8;
const ENHANCE_YOUR_CALM = 11;
const NOTHING = Buffer.alloc(0);
/** The limit of streams on one connection. */
const STREAMS = 256;
/** The time limit of a Hello, and of a connection without one. */
const HELLO_MS = 5000;
/** How late a timer may fire in a flooded process. */
const SLACK_MS = 5000;
/** MiB. The process frees memory late, so the test can only detect an amount that is far too high. */
const LEAK = 128;

const opened = headerBlock(requestHeaders());
const open = (stream: number) => frameOf(FrameType.headers, Flag.endHeaders, stream, opened);
const times = (count: number, frame: Buffer) => Buffer.concat(Array<Buffer>(count).fill(frame));
const streams = (count: number) => Array.from({ length: count }, (_, index) => 2 * index + 1);

describe('abuse by HTTP/2', () => {
  let siege: Besieged;
  let memoryBefore: number;
  /** The coordinator gives these peers up after seconds, so they start first and are checked last. */
  let slow: Map<string, Promise<number>>;

  before(async () => {
    siege = await Besieged.start();
    memoryBefore = siege.memory();
    slow = slowPeers(siege.port);
  });

  after(async () => {
    await siege.nobodyLeft();
    await siege.stop();
  });

  afterEach('and the neighbour has noticed nothing', async () => {
    await siege.unharmed();
    expect(siege.memory() - memoryBefore).to.be.below(LEAK);
  });

  const polite = () => new RawPeer(siege.port, { polite: true }).preface();

  for (const settled of [true, false]) {
    const who = settled ? 'a peer that has agreed to the limit' : 'a peer that agrees to nothing';
    it(`lets ${who} have at most ${STREAMS} streams of 10,000, and closes the connection`, async () => {
      const before = siege.memory();
      const peer = new RawPeer(siege.port, { polite: settled }).preface();
      // The coordinator's own SETTINGS, and its answer to ours.
      await peer.until(() => peer.count(FrameType.settings) === 2, 'the settings');
      peer.socket.write(Buffer.concat(streams(10_000).map(open)));
      await peer.ended();
      // The coordinator starts streams in turns, and the connection ends meanwhile.
      expect(peer.answered.size).to.be.within(1, STREAMS);
      console.log(`      10,000 streams: ${(siege.memory() - before).toFixed(1)} MiB more`);
    });
  }

  const floods: [string, Buffer][] = [
    ['PING', times(50_000, frameOf(FrameType.ping, 0, 0, Buffer.alloc(8)))],
    [
      'SETTINGS',
      times(50_000, frameOf(FrameType.settings, 0, 0, setting(Setting.initialWindow, 0))),
    ],
    ['empty DATA', Buffer.concat([open(1), times(50_000, frameOf(FrameType.data, 0, 1, NOTHING))])],
    [
      'CONTINUATION',
      Buffer.concat([
        frameOf(FrameType.headers, Flag.none, 1, opened),
        times(10_000, frameOf(FrameType.continuation, Flag.none, 1, NOTHING)),
      ]),
    ],
  ];
  for (const [what, flood] of floods) {
    it(`closes the connection at a flood of ${what} frames`, async () => {
      const peer = polite();
      peer.socket.write(flood);
      await peer.ended();
    });
  }

  it('accepts 50,000 WINDOW_UPDATEs of one byte', async () => {
    const peer = polite().open(1);
    peer.socket.write(times(50_000, frameOf(FrameType.windowUpdate, 0, 0, uint32(1))));
    await peer.ping();
    expect(peer.goAwayCode).to.equal(undefined);
    await peer.destroy();
  });

  it('is not harmed by a window that opens a byte at a time', async () => {
    const peer = new RawPeer(siege.port, {
      polite: true,
      settings: [[Setting.initialWindow, 0]],
    }).preface();
    peer.open(1).message(1, requestBytes({ hello: helloOf('miser') }));
    // Headers need no window.
    await peer.until(() => peer.answered.has(1), 'the headers');
    for (let bytes = 1; bytes <= 50; bytes++) {
      peer.grant(1, 1);
      await peer.until(() => peer.dataBytes === bytes, `byte ${bytes} of the Welcome`);
    }
    expect(await siege.sessions()).to.equal(2);
    await peer.destroy();
  });

  it('resets a stream with 700 headers', async () => {
    const names = Array.from({ length: 700 }, (_, index) => [`x-${index}`, 'y']);
    const block = headerBlock(requestHeaders(Object.fromEntries(names) as Record<string, string>));
    const peer = polite().send(FrameType.headers, Flag.endHeaders, 1, block);
    await peer.until(() => peer.resets.has(ENHANCE_YOUR_CALM), 'the reset');
    await peer.destroy();
  });

  it('survives 120 KB of headers, a hundred times', async () => {
    const peer = polite();
    for (const stream of streams(100)) {
      peer.send(FrameType.headers, Flag.none, stream, opened);
      for (let part = 1; part <= 8; part++) {
        const flags = part === 8 ? Flag.endHeaders : Flag.none;
        const block = headerBlock({ [`x-${part}`]: 'x'.repeat(15_000) });
        peer.send(FrameType.continuation, flags, stream, block);
      }
      // The library may accept or refuse the stream.
      await peer.until(() => peer.closed || peer.answeredOrReset(stream), 'an answer');
      if (!peer.closed) peer.send(FrameType.reset, 0, stream, uint32(CANCEL));
    }
    await peer.destroy();
  });

  describe('gives up', () => {
    const patient = [
      'a silent socket',
      'half a preface',
      'a preface and nothing more',
      'headers that never end',
      'a stream without a Hello',
      'a Hello that comes byte by byte',
    ];
    for (const what of [...patient, '20,000 streams that are opened and reset at once']) {
      it(`${what}, after ${HELLO_MS / 1000} s at the latest`, async () => {
        const afterMs = await slow.get(what);
        expect(afterMs).to.be.below(HELLO_MS + SLACK_MS);
      });
    }

    it('no peer before its time', async () => {
      for (const what of patient) {
        expect(await slow.get(what), what).to.be.at.least(HELLO_MS - SLACK_MS / 10);
      }
    });
  });
});

/** Peers that the coordinator gives up, by their behaviour. Each resolves with the time until then, in ms. */
function slowPeers(port: number): Map<string, Promise<number>> {
  const start = performance.now();
  const raw = () => new RawPeer(port);
  const polite = () => new RawPeer(port, { polite: true }).preface();
  const ended = async (peer: RawPeer, condition: () => boolean): Promise<number> => {
    await peer.until(condition, 'the end');
    const afterMs = performance.now() - start;
    await peer.destroy();
    return afterMs;
  };
  const closed = (peer: RawPeer) => ended(peer, () => peer.closed);
  // The second HEADERS frame holds the trailers.
  const status = (peer: RawPeer) => ended(peer, () => peer.count(FrameType.headers) === 2);
  const resets = streams(20_000).map((stream) =>
    Buffer.concat([open(stream), frameOf(FrameType.reset, 0, stream, uint32(CANCEL))]),
  );
  const half = raw();
  half.socket.write('PRI * HT');
  const unending = raw().preface().send(FrameType.headers, Flag.none, 1, opened);
  const resetting = polite();
  resetting.socket.write(Buffer.concat(resets));
  return new Map([
    ['a silent socket', closed(raw())],
    ['half a preface', closed(half)],
    ['a preface and nothing more', closed(raw().preface())],
    ['headers that never end', closed(unending)],
    ['20,000 streams that are opened and reset at once', closed(resetting)],
    ['a stream without a Hello', status(polite().open(1))],
    ['a Hello that comes byte by byte', status(crumbling(polite().open(1)))],
  ]);
}

/** Sends a Hello byte by byte, slowly, and never sends its last byte. */
function crumbling(peer: RawPeer): RawPeer {
  const hello = grpcMessage(requestBytes({ hello: helloOf('slow') }));
  let at = 0;
  const timer = setInterval(() => {
    if (at < hello.length - 1) peer.send(FrameType.data, Flag.none, 1, hello.subarray(at, ++at));
  }, 100);
  peer.socket.once('close', () => clearInterval(timer));
  return peer;
}
