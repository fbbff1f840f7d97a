/**
 * What plain sockets do below gRPC: floods, streams without number, and peers that take for ever.
 * All of it is bounded in count and time.
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
/** What the coordinator allows on one connection. */
const STREAMS = 256;
/** What a peer has for its Hello, and for the answer to a PING: 10 s until it is asked, 5 s to say. */
const HELLO_MS = 5000;
const KEEPALIVE_MS = 15_000;
/** How late a timer may be in a process that is flooded. */
const SLACK_MS = 5000;
/** MiB. Memory is given back late, so only what is far too much can be told from what is not. */
const LEAK = 128;

const opened = headerBlock(requestHeaders());
const open = (stream: number) => frameOf(FrameType.headers, Flag.endHeaders, stream, opened);
const times = (count: number, frame: Buffer) => Buffer.concat(Array<Buffer>(count).fill(frame));
const streams = (count: number) => Array.from({ length: count }, (_, index) => 2 * index + 1);

describe('abuse by HTTP/2', () => {
  let siege: Besieged;
  let memoryBefore: number;
  /** They take seconds to be given up, so they begin first and are looked at last. */
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
    it(`lets ${who} have at most ${STREAMS} streams of 10,000, and hangs up`, async () => {
      const before = siege.memory();
      const peer = new RawPeer(siege.port, { polite: settled }).preface();
      // Its own settings, and its answer to ours.
      await peer.until(() => peer.count(FrameType.settings) === 2, 'the settings');
      peer.socket.write(Buffer.concat(streams(10_000).map(open)));
      await peer.ended();
      // Streams are begun in turns, and the connection ends meanwhile.
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
    it(`hangs up at a flood of ${what} frames`, async () => {
      const peer = polite();
      peer.socket.write(flood);
      await peer.ended();
    });
  }

  it('takes 50,000 WINDOW_UPDATEs of one byte for what they are', async () => {
    const peer = polite().open(1);
    peer.socket.write(times(50_000, frameOf(FrameType.windowUpdate, 0, 0, uint32(1))));
    await peer.ping();
    expect(peer.goAwayCode).to.equal(undefined);
    await peer.destroy();
  });

  it('is not moved by a window that opens a byte at a time', async () => {
    const peer = new RawPeer(siege.port, {
      polite: true,
      settings: [[Setting.initialWindow, 0]],
    }).preface();
    peer.open(1).message(1, requestBytes({ hello: helloOf('miser') }));
    // The headers need no window.
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

  it('outlives 120 KB of headers, a hundred times', async () => {
    const peer = polite();
    for (const stream of streams(100)) {
      peer.send(FrameType.headers, Flag.none, stream, opened);
      for (let part = 1; part <= 8; part++) {
        const flags = part === 8 ? Flag.endHeaders : Flag.none;
        const block = headerBlock({ [`x-${part}`]: 'x'.repeat(15_000) });
        peer.send(FrameType.continuation, flags, stream, block);
      }
      // Whether it is taken or refused is the library's choice.
      await peer.until(() => peer.closed || peer.answeredOrReset(stream), 'an answer');
      if (!peer.closed) peer.send(FrameType.reset, 0, stream, uint32(CANCEL));
    }
    await peer.destroy();
  });

  describe('gives up', () => {
    const deadlines: [number, ...string[]][] = [
      [HELLO_MS, 'a stream without a Hello', 'a Hello that comes byte by byte'],
      [
        KEEPALIVE_MS,
        'a socket that says nothing',
        'half a preface',
        'a preface and nothing more',
        'headers that never end',
        '20,000 streams that are opened and reset at once',
      ],
    ];
    for (const [deadlineMs, ...peers] of deadlines) {
      for (const what of peers) {
        it(`${what}, after ${deadlineMs / 1000} s at the latest`, async () => {
          const afterMs = await slow.get(what);
          expect(afterMs).to.be.below(deadlineMs + SLACK_MS);
        });
      }
    }

    it('none of them before its time', async () => {
      for (const what of ['a stream without a Hello', 'a Hello that comes byte by byte']) {
        expect(await slow.get(what)).to.be.at.least(HELLO_MS - SLACK_MS / 10);
      }
      expect(await slow.get('a socket that says nothing')).to.be.at.least(KEEPALIVE_MS / 2);
    });
  });
});

/** Peers that are given up some day, by what they do; resolves with how long that took, in ms. */
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
  // The second HEADERS are the trailers.
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
    ['a socket that says nothing', closed(raw())],
    ['half a preface', closed(half)],
    ['a preface and nothing more', closed(raw().preface())],
    ['headers that never end', closed(unending)],
    ['20,000 streams that are opened and reset at once', closed(resetting)],
    ['a stream without a Hello', status(polite().open(1))],
    ['a Hello that comes byte by byte', status(crumbling(polite().open(1)))],
  ]);
}

/** Sends a Hello a byte every so often, and never its last one. */
function crumbling(peer: RawPeer): RawPeer {
  const hello = grpcMessage(requestBytes({ hello: helloOf('slow') }));
  let at = 0;
  const timer = setInterval(() => {
    if (at < hello.length - 1) peer.send(FrameType.data, Flag.none, 1, hello.subarray(at, ++at));
  }, 100);
  peer.socket.once('close', () => clearInterval(timer));
  return peer;
}
