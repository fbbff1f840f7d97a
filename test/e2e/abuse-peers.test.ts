/**
 * Peers above their limits, over TLS and as plain text: too many streams, requests and headers, floods of frames, and
 * peers that send or take nothing. A neighbour goes on meanwhile.
 */
import { once } from 'node:events';
import {
  type ClientHttp2Session,
  connect as connectHttp2,
  type IncomingHttpHeaders,
} from 'node:http2';
import { connect as connectTcp } from 'node:net';
import { expect } from 'chai';
import { connect, type KelpieClient } from '../../client/index.js';
import { type Coordinator, startCoordinator } from '../../server/coordinator.js';
import { TestCa } from '../support/certificates.js';
import { inSoak } from '../support/soak.js';
import { requestBytes } from '../support/wire/contract.js';
import { helloOf } from '../support/wire/frames.js';
import {
  Flag,
  FrameType,
  frameOf,
  grpcMessage,
  headerBlock,
  RawPeer,
  requestHeaders,
  Setting,
} from '../support/wire/raw-peer.js';

const SILENT = inSoak(10_000, 300);
const FLOOD = inSoak(50_000, 20_000);
const PEAK_S = 4;
const limits = { peerSessions: 5, peerStreams: 40, peerRequests: 50, headerBytes: 16 * 1024 };
const times = { helloMs: 1000, maxSilenceMs: 2000, heartbeatMs: 500 };
const NOTHING = Buffer.alloc(0);

for (const secure of [false, true]) {
  describe(`peers above their limits, ${secure ? 'over TLS' : 'as plain text'}`, () => {
    let coordinator: Coordinator;
    let neighbour: KelpieClient;
    const topics: unknown[] = [];
    let heard: () => void = () => undefined;
    /** It takes seconds, in which other tests run. */
    let slow: Promise<void>;

    before(async () => {
      const tls = secure ? await (await TestCa.make()).server() : undefined;
      coordinator = await startCoordinator({ port: 0, journal: 'memory', tls, limits, times });
      // Within the process, so that it shares no limit with the others.
      const transport = coordinator.transport();
      neighbour = connect({ name: 'neighbour', role: 'SERVICE', transport });
      neighbour.subscribe('news.*', ({ topic }) => {
        topics.push(topic);
        heard();
      });
      await neighbour.ready();
      if (!secure) slow = takesNothing();
    });

    after(async () => {
      await neighbour.close();
      await coordinator.stop();
    });

    afterEach('and the neighbour has noticed nothing', async () => {
      const arrived = new Promise<void>((resolve) => (heard = resolve));
      await neighbour.publish('news.last', 'still here');
      await arrived;
      expect(topics.splice(0)).to.deep.equal(['news.last']);
    });

    const peerWith = (more: ConstructorParameters<typeof RawPeer>[1] = {}) =>
      new RawPeer(coordinator.port, { polite: true, tls: secure, ...more }).preface();

    const takesNothing = async (): Promise<void> => {
      const peer = peerWith({ settings: [[Setting.initialWindow, 0]] });
      peer.open(1).message(1, requestBytes({ hello: helloOf('taker-of-nothing') }));
      await peer.until(() => peer.answered.has(1), 'the headers');
      const heartbeat = requestBytes({ heartbeat: {} });
      const beats = setInterval(() => peer.message(1, heartbeat), 100);
      await peer.until(() => peer.resetStreams.has(1), 'the end of the stream');
      clearInterval(beats);
      await peer.destroy();
    };

    const withSession = async <Result>(
      work: (session: ClientHttp2Session) => Promise<Result>,
    ): Promise<Result> => {
      const scheme = secure ? 'https' : 'http';
      const url = `${scheme}://127.0.0.1:${coordinator.port}`;
      const session = connectHttp2(url, { rejectUnauthorized: false });
      session.on('error', () => undefined);
      try {
        return await work(session);
      } finally {
        session.destroy();
      }
    };

    it('may have so many streams, and the next one is refused', async () => {
      const reason = await withSession(async (session) => {
        for (let at = 0; at < limits.peerStreams; at++) {
          const stream = session.request(requestHeaders());
          stream.on('error', () => undefined);
          await once(stream, 'response');
        }
        return reasonOf(session);
      });
      expect(reason).to.match(/40 calls and streams are open/);
    });

    it('may have so many sessions, and the next one is refused', async () => {
      const message = await withSession(async (session) => {
        for (let at = 0; ; at++) {
          const stream = session.request(requestHeaders());
          stream.on('error', () => undefined);
          const ended = new Promise<IncomingHttpHeaders>((resolve) =>
            stream.once('trailers', resolve),
          );
          const welcome = new Promise<undefined>((resolve) =>
            stream.once('data', () => resolve(undefined)),
          );
          stream.write(grpcMessage(requestBytes({ hello: helloOf(`crowd-${at}`) })));
          const trailers = await Promise.race([ended, welcome]);
          if (trailers) return decodeURIComponent(String(trailers['grpc-message']));
          expect(at).to.be.below(limits.peerSessions);
        }
      });
      expect(message).to.match(/5 sessions are open/);
    });

    it('get an error for too many headers, or their stream is reset', async () => {
      await withSession(async (session) => {
        const long = (bytes: number) => reasonOf(session, { 'x-long': 'x'.repeat(bytes) });
        expect(await long(15_000)).to.equal('');
        expect(await long(17_000)).to.match(/headers of a call have at most 16384 bytes/);
        expect(await long(40_000)).to.equal('reset');
        expect(await reasonOf(session, { authorization: `Bearer ${'k'.repeat(20_000)}` })).to.match(
          /headers of a call have at most/,
        );
      });
    });

    it('get no more calls a second than the rate', async () => {
      const reasons = await withSession((session) =>
        Promise.all(Array.from({ length: 38 }, () => manyCalls(session))),
      );
      const refused = reasons.flat().filter((reason) => reason !== '');
      expect(refused).to.not.be.empty;
      for (const reason of refused) expect(reason).to.match(/more than 50 requests a second/);
    });

    it(`end when they say nothing, ${SILENT} at once`, async () => {
      const sockets = Array.from({ length: SILENT }, () =>
        connectTcp({ port: coordinator.port, host: '127.0.0.1' }),
      );
      await Promise.all(
        sockets.map((socket) => {
          socket.on('error', () => undefined).resume();
          return once(socket, 'close');
        }),
      );
    });

    const floods: [string, Buffer][] = [
      [
        'PING',
        Buffer.concat(Array<Buffer>(FLOOD).fill(frameOf(FrameType.ping, 0, 0, Buffer.alloc(8)))),
      ],
      [
        'SETTINGS',
        Buffer.concat(Array<Buffer>(FLOOD).fill(frameOf(FrameType.settings, 0, 0, NOTHING))),
      ],
      [
        'CONTINUATION',
        Buffer.concat([
          frameOf(FrameType.headers, Flag.none, 1, headerBlock(requestHeaders())),
          ...Array<Buffer>(10_000).fill(frameOf(FrameType.continuation, Flag.none, 1, NOTHING)),
        ]),
      ],
    ];
    for (const [what, flood] of floods) {
      it(`lose their connection by a flood of ${what} frames`, async () => {
        const peer = peerWith();
        peer.socket.write(flood);
        await peer.ended();
      });
    }

    if (!secure) it('lose a session whose messages they do not take', () => slow);
  });
}

async function manyCalls(session: ClientHttp2Session): Promise<string[]> {
  const reasons: string[] = [];
  for (let call = 0; call < (2 * PEAK_S * limits.peerRequests) / 38; call++)
    reasons.push(await reasonOf(session));
  return reasons;
}

/** Calls GetInfo. The message of the status; empty if it succeeds. */
async function reasonOf(
  session: ClientHttp2Session,
  more: Record<string, string> = {},
): Promise<string> {
  const path = { ':path': '/kelpie.v1.CoordinatorService/GetInfo' };
  const stream = session.request({ ...requestHeaders(more), ...path });
  let heard: IncomingHttpHeaders = {};
  const listen = (headers: IncomingHttpHeaders): void => void (heard = { ...heard, ...headers });
  stream.on('response', listen).on('trailers', listen);
  stream.on('error', () => undefined).resume();
  stream.end(grpcMessage(NOTHING));
  await new Promise((resolve) => stream.once('close', resolve));
  if (heard['grpc-status'] === undefined) return 'reset';
  return decodeURIComponent(String(heard['grpc-message'] ?? '')).replace(/^OK$/, '');
}
