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
import { connect as connectTcp, type Socket } from 'node:net';
import { expect } from 'chai';
import { type Api, apiAt } from '../../client/api/index.js';
import { connect, type KelpieClient } from '../../client/index.js';
import { type Coordinator, startCoordinator } from '../../server/coordinator.js';
import { TestCa } from '../support/certificates.js';
import { inSoak } from '../support/soak.js';
import { until } from '../support/until.js';
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
  uint32,
} from '../support/wire/raw-peer.js';

/** In soak nearly as many as the open files of one process allow: each has two ends here. */
const SILENT = inSoak(9000, 300);
const WAVE = 300;
const FLOOD = inSoak(50_000, 20_000);
const PEAK_S = 4;
const limits = { peerSessions: 5, peerStreams: 40, peerRequests: 50, headerBytes: 16 * 1024 };
const times = { helloMs: inSoak(40_000, 1000), maxSilenceMs: 2000, heartbeatMs: 500 };
const CANCEL = 8;
const NOTHING = Buffer.alloc(0);
const BLOCK = headerBlock(requestHeaders());

for (const secure of [false, true]) {
  describe(`peers above their limits, ${secure ? 'over TLS' : 'as plain text'}`, () => {
    let coordinator: Coordinator;
    let neighbour: KelpieClient;
    let api: Api;
    const topics: unknown[] = [];

    before(async () => {
      const ca = await TestCa.make();
      const tls = secure ? await ca.server() : undefined;
      coordinator = await startCoordinator({ port: 0, journal: 'memory', tls, limits, times });
      api = apiAt(coordinator.endpoint, secure ? { ca: ca.certificate } : {});
      // Within the process, so that it shares no limit with the others.
      const transport = coordinator.transport();
      neighbour = connect({ name: 'neighbour', role: 'SERVICE', transport });
      neighbour.subscribe('news.*', ({ topic }) => void topics.push(topic));
      await neighbour.ready();
    });

    after(async () => {
      api.close();
      await neighbour.close();
      await coordinator.stop();
    });

    afterEach('and the neighbour has noticed nothing', async () => {
      await neighbour.publish('news.last', 'still here');
      await until(() => topics.length > 0);
      expect(topics.splice(0)).to.deep.equal(['news.last']);
    });

    /** Waits until only the session of the neighbour is open. Calls above the rate are repeated. */
    const neighbourAlone = async (): Promise<void> => {
      for (let open = 0; open !== 1;)
        open = await api.coordinator.info().then(
          ({ sessions }) => sessions,
          () => 0,
        );
    };

    const rawPeer = () => new RawPeer(coordinator.port, { polite: true, tls: secure }).preface();

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

    /** Opens streams until one call more is refused. Resolves with the refusal. */
    const fillStreams = () =>
      withSession(async (session) => {
        for (let at = 0; at < limits.peerStreams; at++) {
          const stream = session.request(requestHeaders());
          stream.on('error', () => undefined);
          const [headers] = (await once(stream, 'response')) as [IncomingHttpHeaders];
          expect(headers, `stream ${at}`).to.not.have.property('grpc-status');
        }
        return reasonOf(session);
      });

    /** Opens sessions until one is refused. Resolves with their number, and the refusal. */
    const fillSessions = () =>
      withSession(async (session) => {
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
          if (trailers) return `${at}: ${decodeURIComponent(String(trailers['grpc-message']))}`;
        }
      });

    it('may open 900 streams and reset them at once', async () => {
      const peer = rawPeer();
      const streams = Array.from({ length: 900 }, (_, index) => {
        const stream = 2 * index + 1;
        const opened = frameOf(FrameType.headers, Flag.endHeaders, stream, BLOCK);
        return Buffer.concat([opened, frameOf(FrameType.reset, 0, stream, uint32(CANCEL))]);
      });
      peer.socket.write(Buffer.concat(streams));
      await peer.ping();
      expect(peer.goAwayCode).to.equal(undefined);
      await peer.destroy();
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
      const closed: Promise<unknown>[] = [];
      // In waves that fit into the queue of the listener: beyond it the system would lose some.
      while (closed.length < SILENT) {
        const wave = Array.from({ length: Math.min(WAVE, SILENT - closed.length) }, () =>
          connectTcp({ port: coordinator.port, host: '127.0.0.1' }),
        );
        for (const socket of wave) closed.push(closeOf(socket));
        await Promise.all(wave.map((socket) => once(socket, 'connect')));
      }
      await Promise.all(closed);
    });

    const floods: [string, Buffer][] = [
      [
        'empty DATA',
        Buffer.concat([
          frameOf(FrameType.headers, Flag.endHeaders, 1, BLOCK),
          ...Array<Buffer>(FLOOD).fill(frameOf(FrameType.data, Flag.none, 1, NOTHING)),
        ]),
      ],
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
          frameOf(FrameType.headers, Flag.none, 1, BLOCK),
          ...Array<Buffer>(10_000).fill(frameOf(FrameType.continuation, Flag.none, 1, NOTHING)),
        ]),
      ],
    ];
    for (const [what, flood] of floods) {
      it(`lose their connection by a flood of ${what} frames`, async () => {
        const peer = rawPeer();
        peer.socket.write(flood);
        await peer.ended();
      });
    }

    // All that went before is counted no more.
    it('may have so many streams, and the next one is refused', async () => {
      expect(await fillStreams()).to.match(/40 calls and streams are open/);
    });

    it('may have so many sessions, and the next one is refused', async () => {
      for (let time = 0; time < 2; time++) {
        expect(await fillSessions()).to.match(/^5: 5 sessions are open/);
        await neighbourAlone();
      }
    });
  });
}

/** Resolves when the socket is closed. */
function closeOf(socket: Socket): Promise<unknown> {
  socket.on('error', () => undefined).resume();
  return new Promise((resolve) => socket.once('close', resolve));
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
