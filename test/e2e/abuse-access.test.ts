/**
 * Abuse of TLS and of credentials: handshakes that never end, guesses of tokens, headers that no client sends, floods
 * over TLS, and peers that go on after the end of their credential. One kelpied bears all of it, beside a neighbour.
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect as connectTcp, createServer, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { expect } from 'chai';
import { type Cursor, StartAt } from '../../gen/ts/kelpie/v1/cursor.js';
import {
  PublishEventsRequest,
  ReadEventsRequest,
  ReadEventsResponse,
} from '../../gen/ts/kelpie/v1/event_service.js';
import { NodeRole } from '../../gen/ts/kelpie/v1/node.js';
import { ErrorReason } from '../../gen/ts/kelpie/v1/error.js';
import { type CoordinatorFrame, Heartbeat, Hello } from '../../gen/ts/kelpie/v1/session_service.js';
import { removeDataFolders } from '../support/process/data-folder.js';
import { Fortress } from '../support/process/fortress.js';
import { figure, inSoak } from '../support/soak.js';
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
  Setting,
  uint32,
} from '../support/wire/raw-peer.js';
import { SecurePeer, SecureSession } from '../support/wire/secure-peer.js';

const GUESSES = inSoak(20_000, 1000);
const HANDSHAKES = inSoak(5000, 150);
const FLOOD = inSoak(50_000, 20_000);
const CANCEL = 8;
const NOTHING = Buffer.alloc(0);
const INFO = '/kelpie.v1.CoordinatorService/GetInfo';
const READ = '/kelpie.v1.EventService/ReadEvents';
const PUBLISH = '/kelpie.v1.EventService/PublishEvents';

const drawn = (): string => `klp_${randomBytes(32).toString('base64url')}`;
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const times = (count: number, frame: Buffer) => Buffer.concat(Array<Buffer>(count).fill(frame));
const textEvent = (topic: string) => ({
  topic,
  payload: { content: { form: { $case: 'text', value: 'x' } as const } },
});

describe('abuse of TLS and credentials', () => {
  let fortress: Fortress;
  const peers: (SecurePeer | RawPeer)[] = [];
  /** kelpied gives these peers up after seconds, so they start first and are checked last. */
  let slow: Map<string, Promise<unknown>>;

  before(async () => {
    fortress = await Fortress.start();
    slow = await slowPeers(fortress);
  });

  after(async () => {
    await fortress.stop();
    removeDataFolders();
  });

  afterEach('and the neighbour has noticed nothing', async () => {
    for (const peer of peers.splice(0)) {
      if (peer instanceof RawPeer) await peer.destroy();
      else peer.close();
    }
    await fortress.unharmed();
  });

  const secure = (from: string): SecurePeer => {
    const peer = new SecurePeer(fortress.port, fortress.ca, from);
    peers.push(peer);
    return peer;
  };
  const raw = (from: string): RawPeer => {
    const peer = new RawPeer(fortress.port, { polite: true, tls: true, from }).preface();
    peers.push(peer);
    return peer;
  };

  describe('by headers:', () => {
    /** Calls GetInfo with these headers, and resolves with whether it got an answer. */
    const answered = async (peer: RawPeer, headers: Buffer): Promise<boolean> => {
      const head = Buffer.concat([headerBlock(requestHeaders({ ':path': INFO })), headers]);
      const pieces: Buffer[] = [];
      for (let at = 0; at < head.length; at += 16_000) pieces.push(head.subarray(at, at + 16_000));
      pieces.forEach((piece, at) => {
        const flags = at === pieces.length - 1 ? Flag.endHeaders : Flag.none;
        peer.send(at === 0 ? FrameType.headers : FrameType.continuation, flags, 1, piece);
      });
      peer.send(FrameType.data, Flag.endStream, 1, grpcMessage(NOTHING));
      const over = () =>
        peer.goAwayCode !== undefined || peer.endedStreams.has(1) || peer.resetStreams.has(1);
      await peer.until(over, 'the end of the call');
      return peer.dataBytes > 0;
    };
    let good: string;

    before(async () => {
      good = (await fortress.tokenOf('good', { preset: 'READ_ONLY' })).token;
    });

    const values: [string, (token: string) => string[]][] = [
      ['CR behind the token', (token) => [`Bearer ${token}\r`]],
      ['LF and another header behind the token', (token) => [`Bearer ${token}\nx: y`]],
      ['CR LF before the token', (token) => [`Bearer\r\n ${token}`]],
      ['NUL behind the token', (token) => [`Bearer ${token}\0`]],
      ['NUL and another token', (token) => [`Bearer ${drawn()}\0${token}`]],
      ['a good token and then another one', (token) => [`Bearer ${token}`, `Bearer ${drawn()}`]],
      ['another token and then a good one', (token) => [`Bearer ${drawn()}`, `Bearer ${token}`]],
      ['the good token twice', (token) => [`Bearer ${token}`, `Bearer ${token}`]],
      ['two tokens in one header', (token) => [`Bearer ${token}, Bearer ${drawn()}`]],
      ['64 KB before the token', (token) => [`Bearer ${'x'.repeat(65_536)}${token}`]],
      ['64 KB of spaces before the token', (token) => [`Bearer ${' '.repeat(65_536)}${token}`]],
    ];
    values.forEach(([what, of], index) => {
      it(`${what} lets nobody in`, async () => {
        const headers = of(good).map((authorization) => headerBlock({ authorization }));
        const peer = raw(`127.0.1.${index + 1}`);
        expect(await answered(peer, Buffer.concat(headers))).to.equal(false);
      });
    });

    it('the good token alone lets its peer in', async () => {
      expect(await answered(raw('127.0.1.100'), headerBlock(bearer(good)))).to.equal(true);
    });
  });

  describe('by topics:', () => {
    const refusals = new Set(['TOPIC_INVALID', 'TOPIC_RESERVED', 'RIGHT_MISSING']);
    const strange = ['', '.', 'a', 'a.', '.a', 'a..b', 'a.b.c', 'A.b', 'a.b ', ' a.b', 'b.b'];
    const coded = [
      'a.\0',
      'a.\n',
      'a.\u202eb',
      '\u0430.b',
      '\uff41.b',
      'a\u2024b',
      'a.{b}',
      'a.%2a',
    ];
    const wild = ['*', '>', 'a.>', '*.b', '*.*', 'a.**', 'a.*.>'];
    const others = [
      'nodes.x',
      'players.1',
      'state.a.b',
      'routing',
      'kelpie.audit',
      'inbox.neighbour',
    ];
    const all = [...strange, ...coded, ...wild, ...others, `a.${'b'.repeat(1_000_000)}`];
    const start = { place: { $case: 'at', value: StartAt.EARLIEST } } as const;

    it('a peer with the right to one of two tokens publishes and reads no other', async () => {
      const rights = { nodeNames: ['a-1'], publishTopics: ['a.*'], readTopics: ['a.*'] };
      const { token } = await fortress.tokenOf('a-1', {
        rights: { ...rights, roles: ['SERVICE'] },
      });
      const peer = secure('127.0.2.1');
      const session = new SecureSession(peer, token);
      const hello = { name: 'a-1', role: NodeRole.SERVICE, instanceId: randomBytes(16), start };
      const value = Hello.fromPartial(hello);
      await session.ask({ $case: 'hello', value }, ({ frame }) => frame?.$case === 'welcome');
      const wrong: unknown[] = [];
      const check = (by: string, topic: string, reason: string | undefined): void => {
        if (!refusals.has(reason ?? '')) wrong.push([by, topic.slice(0, 40), reason]);
      };
      for (const topic of all) {
        const events = [textEvent(topic)];
        const publish = PublishEventsRequest.encode(PublishEventsRequest.fromPartial({ events }));
        check('PublishEvents', topic, (await peer.call(PUBLISH, publish.finish(), token)).reason);
        const read = ReadEventsRequest.encode(
          ReadEventsRequest.fromPartial({ topics: [topic], start }),
        );
        check('ReadEvents', topic, (await peer.call(READ, read.finish(), token)).reason);
        const change = { addedTopics: [topic], removedTopics: [], startAt: StartAt.LATEST };
        const added = await session.ask(
          { $case: 'updateSubscription', value: change },
          ({ requestId, frame }, own) => (requestId === own ? answerIn(frame) : undefined),
        );
        check('a subscription', topic, added);
      }
      expect(JSON.stringify(wrong)).to.equal('[]');
      const events = [textEvent('a.b')];
      const publish = PublishEventsRequest.encode(PublishEventsRequest.fromPartial({ events }));
      expect((await peer.call(PUBLISH, publish.finish(), token)).reason).to.equal('OK');
      expect(await fortress.heard()).to.deep.equal(['a.b']);
    });

    it('a position of another peer, also an old one, shows nothing of that peer', async () => {
      const tokens = await Promise.all(
        ['c', 'd'].map((name) =>
          fortress.tokenOf(name, {
            rights: { publishTopics: [`${name}.*`], readTopics: [`${name}.*`] },
          }),
        ),
      );
      const [mine = '', other = ''] = tokens.map(({ token }) => token);
      const peer = secure('127.0.2.2');
      const publish = (topic: string, token: string) => {
        const request = PublishEventsRequest.fromPartial({ events: [textEvent(topic)] });
        return peer.call(PUBLISH, PublishEventsRequest.encode(request).finish(), token);
      };
      const read = async (topics: string[], after: Cursor | undefined, token: string) => {
        const place = after ? ({ $case: 'after', value: after } as const) : start.place;
        const request = ReadEventsRequest.fromPartial({ topics, start: { place } });
        const { reason, message } = await peer.call(
          READ,
          ReadEventsRequest.encode(request).finish(),
          token,
        );
        return { reason, ...(message && ReadEventsResponse.decode(message)) };
      };
      await publish('c.before', other === '' ? '' : mine);
      const { cursor } = await read(['c.*'], undefined, mine);
      await publish('c.secret', mine);
      await publish('d.open', other);
      for (let again = 0; again < 2; again++) {
        const { events } = await read(['d.*'], cursor, other);
        expect(events?.map(({ topic }) => topic)).to.deep.equal(['d.open']);
      }
      expect((await read(['c.*'], cursor, other)).reason).to.equal('RIGHT_MISSING');
      expect((await read(['>'], cursor, other)).reason).to.equal('RIGHT_MISSING');
      expect(await fortress.heard()).to.deep.equal(['c.before', 'c.secret', 'd.open']);
    });
  });

  describe('by floods:', () => {
    for (const known of [true, false]) {
      it(`of empty DATA, ${known ? 'with' : 'without'} a credential, lose their connection`, async () => {
        const token = known
          ? (await fortress.tokenOf('empty', { preset: 'SERVER' })).token
          : drawn();
        const peer = raw('127.0.3.1').open(1, bearer(token));
        peer.socket.write(times(FLOOD, frameOf(FrameType.data, Flag.none, 1, NOTHING)));
        await peer.ended();
      });
    }

    it('of handshakes are borne, also of some that their peers leave', async () => {
      const hello = await clientHello();
      const left = async (): Promise<void> => {
        const socket = connectTcp(fortress.port, '127.0.0.1').on('error', () => undefined);
        socket.write(hello);
        await once(socket, 'data');
        socket.destroy();
      };
      const whole = async (): Promise<void> => {
        const options = { ca: fortress.ca, ALPNProtocols: ['h2'] };
        const socket = connectTls({ ...options, port: fortress.port, host: '127.0.0.1' });
        await once(socket, 'secureConnect');
        socket.destroy();
      };
      const started = performance.now();
      await Promise.all(Array.from({ length: HANDSHAKES }, () => Promise.all([left(), whole()])));
      figure(`${2 * HANDSHAKES} handshakes in ${(performance.now() - started).toFixed()} ms`);
    });

    it('of renegotiations are refused', async () => {
      const codes = await Promise.all(
        Array.from({ length: 20 }, async () => {
          const options = {
            ca: fortress.ca,
            maxVersion: 'TLSv1.2',
            ALPNProtocols: ['h2'],
          } as const;
          const socket = connectTls({ ...options, port: fortress.port, host: '127.0.0.1' });
          await once(socket, 'secureConnect');
          const error = await new Promise<Error | null>((resolve) => {
            socket.on('error', resolve).renegotiate({}, resolve);
          });
          socket.destroy();
          return error && 'code' in error ? error.code : error;
        }),
      );
      expect(new Set(codes)).to.deep.equal(new Set(['ERR_SSL_NO_RENEGOTIATION']));
    });

    it(`of ${GUESSES} guesses of a token fail, and a good one from the same address is answered`, async () => {
      const { token } = await fortress.tokenOf('guessed', { preset: 'READ_ONLY' });
      // Half of them are near to the good one.
      const guesses = Array.from({ length: GUESSES }, (_, index) => {
        if (index % 2 === 0) return drawn();
        const at = 4 + (index % 43);
        return `${token.slice(0, at)}${token[at] === 'A' ? 'B' : 'A'}${token.slice(at + 1)}`;
      });
      const peer = secure('127.0.0.1');
      const reasons: string[] = [];
      for (const guess of guesses)
        void peer.call(INFO, NOTHING, guess).then(({ reason }) => reasons.push(reason));
      let good = 0;
      for (; reasons.length < GUESSES; good++) await fortress.operator.coordinator.info();
      expect(new Set(reasons)).to.deep.equal(
        new Set(['CREDENTIAL_INVALID', 'AUTHENTICATION_LIMIT']),
      );
      const limited = reasons.filter((reason) => reason === 'AUTHENTICATION_LIMIT').length;
      expect(limited).to.be.above(GUESSES / 2);
      expect(good).to.be.above(10);
      expect((await peer.call(INFO, NOTHING, token)).reason).to.equal('OK');
      // The log has few lines of them, and no token.
      const log = fortress.kelpied.errors();
      const own = log.split('\n').filter((line) => /"127\.0\.0\.1".*refused/.test(line));
      expect(own).to.have.length.within(1, 20);
      expect(log).to.not.contain('klp_');
    });
  });

  describe('gives up', () => {
    for (const what of [
      'a handshake that comes byte by byte',
      'a handshake whose peer answers nothing',
      'a connection without HTTP/2 behind its handshake',
      'a preface and nothing more',
      'streams that are opened and reset at once, with a credential',
      'streams that are opened and reset at once, without a credential',
    ]) {
      it(what, () => slow.get(what));
    }

    for (const how of ['revoked', 'expired']) {
      it(`a session that sends all the time, when its credential is ${how}`, async () => {
        expect(await slow.get(`a busy session, ${how}`)).to.equal(
          `CREDENTIAL_${how.toUpperCase()}`,
        );
      });
    }

    it('a session that takes nothing, when its credential is revoked', async () => {
      await slow.get('a session that takes nothing');
    });

    it('all of them: no session is left but that of the neighbour', async () => {
      await Promise.all(slow.values());
      expect((await fortress.operator.coordinator.info()).sessions).to.equal(1);
    });
  });
});

/** The reason of a request that failed; the kind of another answer. */
function answerIn(frame: CoordinatorFrame['frame']): string | undefined {
  if (frame?.$case !== 'requestFailed') return frame?.$case;
  const reason = frame.value.error?.reason;
  return Object.entries(ErrorReason).find(([, number]) => number === reason)?.[0];
}

/** Peers that kelpied gives up, by their behaviour. Each resolves at its end, a session with the reason. */
async function slowPeers(fortress: Fortress): Promise<Map<string, Promise<unknown>>> {
  const { port, ca } = fortress;
  const hello = await clientHello();
  const closed = (socket: Socket) =>
    new Promise((resolve) => socket.on('error', () => undefined).once('close', resolve));
  const tcp = () => connectTcp(port, '127.0.0.1');
  const crumbs = tcp();
  let at = 0;
  const timer = setInterval(() => crumbs.write(hello.subarray(at, ++at)), 100);
  crumbs.once('close', () => clearInterval(timer));
  const deaf = tcp();
  deaf.write(hello);
  const silent = connectTls({ port, host: '127.0.0.1', ca, ALPNProtocols: ['h2'] }).resume();
  const peers = new Map<string, Promise<unknown>>([
    ['a handshake that comes byte by byte', closed(crumbs)],
    ['a handshake whose peer answers nothing', closed(deaf.resume())],
    ['a connection without HTTP/2 behind its handshake', closed(silent)],
    [
      'a preface and nothing more',
      new RawPeer(port, { polite: true, tls: true }).preface().ended(),
    ],
  ]);
  for (const how of ['revoked', 'expired'] as const) {
    const busy = await endingToken(fortress, how, how);
    peers.set(`a busy session, ${how}`, busySession(fortress, how, busy));
  }
  const revoked = await endingToken(fortress, 'deaf', 'revoked');
  peers.set('a session that takes nothing', deafSession(fortress, 'deaf', revoked));
  const { token } = await fortress.tokenOf('resetting', { preset: 'SERVER' });
  for (const [who, shown] of [
    ['with', token],
    ['without', drawn()],
  ] as const) {
    const peer = new RawPeer(port, { polite: true, tls: true, from: '127.0.3.2' }).preface();
    peer.socket.write(resets(shown));
    peers.set(`streams that are opened and reset at once, ${who} a credential`, peer.ended());
  }
  return peers;
}

/** Streams of sessions that show a token, each reset as soon as it is opened. */
function resets(token: string): Buffer {
  const block = headerBlock(requestHeaders(bearer(token)));
  const pairs = Array.from({ length: FLOOD }, (_, index) => {
    const stream = 2 * index + 1;
    const opened = frameOf(FrameType.headers, Flag.endHeaders, stream, block);
    return Buffer.concat([opened, frameOf(FrameType.reset, 0, stream, uint32(CANCEL))]);
  });
  return Buffer.concat(pairs);
}

/** A token, and how its credential ends. */
interface Ending {
  readonly token: string;
  readonly end: () => Promise<unknown>;
}

async function endingToken(
  fortress: Fortress,
  name: string,
  how: 'revoked' | 'expired',
): Promise<Ending> {
  const ttl = how === 'expired' ? { ttlMs: 1000 } : {};
  const { id, token } = await fortress.tokenOf(name, { preset: 'SERVER', ...ttl });
  const { access } = fortress.operator;
  return { token, end: () => (how === 'revoked' ? access.revoke(id) : Promise.resolve()) };
}

/** Sends heartbeats, each as soon as the last one is answered. Resolves with the reason of its end. */
async function busySession(
  fortress: Fortress,
  name: string,
  { token, end }: Ending,
): Promise<string> {
  const peer = new SecurePeer(fortress.port, fortress.ca);
  const session = new SecureSession(peer, token);
  const base = { name, role: NodeRole.DOWNSTREAM, instanceId: randomBytes(16) };
  const start = { place: { $case: 'at', value: StartAt.LATEST } } as const;
  const value = Hello.fromPartial({ ...base, start });
  const welcome = await session.ask({ $case: 'hello', value }, ({ frame }) => frame?.$case);
  expect(welcome).to.equal('welcome');
  await end();
  for (;;) {
    const beat = { $case: 'heartbeat', value: Heartbeat.create() } as const;
    const answer = await session.ask(beat, ({ requestId, frame }, own) =>
      requestId === own ? frame : undefined,
    );
    if (typeof answer !== 'string') continue;
    peer.close();
    return answer;
  }
}

/** Grants no window, so it gets neither its Welcome nor the reason of its end. Resolves when its stream is reset. */
async function deafSession(
  fortress: Fortress,
  name: string,
  { token, end }: Ending,
): Promise<void> {
  const settings = [[Setting.initialWindow, 0]] as const;
  const peer = new RawPeer(fortress.port, { polite: true, tls: true, settings }).preface();
  peer
    .open(1, bearer(token))
    .message(1, requestBytes({ hello: helloOf(name, { role: 'NODE_ROLE_DOWNSTREAM' }) }));
  await until(() => fortress.logged(`"node":"${name}"`, 'session opened'));
  await end();
  await peer.until(() => peer.resetStreams.has(1), 'the reset');
  expect(fortress.logged(`"node":"${name}"`, 'session ended', 'CREDENTIAL_REVOKED')).to.equal(true);
  await peer.destroy();
}

/** The first bytes that a client of TLS sends. */
async function clientHello(): Promise<Buffer> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const client = connectTls({ port, host: '127.0.0.1', ALPNProtocols: ['h2'] });
  client.on('error', () => undefined);
  const [socket] = (await once(server, 'connection')) as [Socket];
  const [bytes] = (await once(socket, 'data')) as [Buffer];
  client.destroy();
  socket.destroy();
  server.close();
  return bytes;
}
