/**
 * The matrix of rights: every call and every frame, over TLS, with a credential that has exactly the rights that it
 * needs, with credentials that have all others, with an expired one, a revoked one, one of another network, and with
 * the name of another node.
 */
import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import type { DescMethod, JsonObject } from '@bufbuild/protobuf';
import { CredentialPreset, Rights } from '../../gen/ts/kelpie/v1/access.js';
import { ListCredentialsResponse } from '../../gen/ts/kelpie/v1/access_service.js';
import { ErrorReason } from '../../gen/ts/kelpie/v1/error.js';
import { ReadEventsResponse } from '../../gen/ts/kelpie/v1/event_service.js';
import { NodeRole } from '../../gen/ts/kelpie/v1/node.js';
import { type CoordinatorFrame, NodeFrame } from '../../gen/ts/kelpie/v1/session_service.js';
import { GetPlayerResponse } from '../../gen/ts/kelpie/v1/player_service.js';
import { rightsFor } from '../../server/access/presets.js';
import { type Coordinator, startCoordinator } from '../../server/coordinator.js';
import { covers } from '../../server/topics/topic.js';
import {
  callRows,
  type FrameName,
  frameRows,
  MARK,
  PLAYER,
  ROLES,
  type Row,
  VALUE,
} from '../support/access-rows.js';
import { TestCa } from '../support/certificates.js';
import { realClock } from '../support/clock/real-clock.js';
import { bytesOfJson, messageType, methods } from '../support/wire/descriptors.js';
import { SecurePeer, SecureSession } from '../support/wire/secure-peer.js';

const FULL = rightsFor(CredentialPreset.OPERATOR, Rights.create(), 'root');
const REFLECTION = '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo';
const JOIN = { nodeName: 'n-door', tokenHash: Buffer.alloc(32, 9).toString('base64') };
const calls = methods.filter(({ name }) => name !== 'Connect');
const frames = Object.entries(frameRows) as [keyof typeof frameRows, Row][];
/** The rights to be a node of the matrix, under a name of its own. */
const session = { nodeNames: ['n-*'], roles: ROLES };

/** All rights without one of those that a request needs; one for each of these. */
function* without(needs: Partial<Rights>): Generator<Rights> {
  for (const field of ['readTopics', 'publishTopics'] as const) {
    for (const topic of needs[field] ?? []) {
      yield { ...FULL, [field]: FULL[field].filter((one) => !covers(one, topic)) };
    }
  }
  for (const verb of needs.verbs ?? []) {
    yield { ...FULL, verbs: FULL.verbs.filter((one) => one !== verb) };
  }
  for (const name of needs.commands ?? []) {
    yield { ...FULL, commands: FULL.commands.filter((one) => one !== name) };
  }
  if (needs.commandTargets) yield { ...FULL, commandTargets: ['n-*'] };
}

function pathOf({ parent, name }: DescMethod): string {
  return `/${parent.typeName}/${name}`;
}

function frameOf(name: FrameName, request: JsonObject): NodeFrame['frame'] {
  return NodeFrame.decode(bytesOfJson(messageType('NodeFrame'), { [name]: request })).frame;
}

/** The reason with which a frame was answered: `OK`, or the reason of its error. */
function outcomeOf({ requestId, frame }: CoordinatorFrame, asked: number): string | undefined {
  const value = frame?.value as Record<string, unknown> | undefined;
  if (frame?.$case === 'publishAck') return reasonOf(frame.value.rejections[0]?.error);
  if (requestId !== asked || !value) return undefined;

  if (frame?.$case === 'requestFailed') return reasonOf(frame.value.error);
  if (frame?.$case === 'playersReported') return reasonOf(frame.value.results[0]?.error);
  return 'OK';
}

function reasonOf(error: { reason: number } | undefined): string {
  const found = Object.entries(ErrorReason).find(([, number]) => number === error?.reason);
  return error ? (found?.[0] ?? String(error.reason)) : 'OK';
}

describe('the matrix of rights', () => {
  const ca = TestCa.make();
  const open: { close(): void }[] = [];
  let coordinator: Coordinator;
  /** The peer whose credentials are good. */
  let peer: SecurePeer;
  let root: string;
  let wallMs = 0;
  let names = 0;
  let addresses = 1;

  before(async () => {
    const { certificate, key } = await (await ca).server();
    const clock = { ...realClock, wall: () => Date.now() + wallMs };
    coordinator = await startCoordinator({
      ...{ journal: 'memory', port: 0, clock, times: { drainMs: 0 } },
      tls: { certificate, key },
    });
    root = await coordinator.createToken({ name: 'root' });
    peer = await peerFrom('127.0.0.1');
    await fillMain();
  });
  after(async () => {
    for (const one of open) one.close();
    await coordinator.stop();
  });

  const peerFrom = async (address: string): Promise<SecurePeer> => {
    const made = new SecurePeer(coordinator.port, (await ca).certificate, address);
    open.push(made);
    return made;
  };
  /** Few failures of one address are answered at once, so a matrix of failures comes from many. */
  const stranger = (): Promise<SecurePeer> => peerFrom(`127.0.0.${++addresses}`);

  const tokenOf = (rights: Partial<Rights>, network = 'main', ttlMs?: number): Promise<string> =>
    coordinator.createToken({
      ...{ name: `c-${++names}`, rights, network },
      ...(ttlMs !== undefined && { ttlMs }),
    });

  const call = (method: DescMethod, { request }: Row, token?: string, by = peer) =>
    by.call(pathOf(method), bytesOfJson(method.input, request), token);

  /** Opens a session. Resolves with it and the outcome of its Hello. */
  const join = async (
    token: string | undefined,
    name: string,
    more: JsonObject = {},
    by = peer,
  ) => {
    const instanceId = randomBytes(16).toString('base64');
    const request = { name, instanceId, role: 'NODE_ROLE_PROXY', start: { at: 'START_AT_LATEST' } };
    const node = new SecureSession(by, token);
    open.push(node);
    const outcome = await node.ask(frameOf('hello', { ...request, ...more }), ({ frame }) =>
      frame?.$case === 'welcome' ? 'OK' : undefined,
    );
    return { node, outcome };
  };
  const joined = async (token: string, name = `n-${++names}`, more: JsonObject = {}) => {
    const { node, outcome } = await join(token, name, more);
    expect(outcome).to.equal('OK');
    return node;
  };
  const ask = (node: SecureSession, name: FrameName, request: JsonObject): Promise<string> =>
    node.ask(frameOf(name, request), (frame, id) =>
      // The acknowledgement of a publish comes after its RequestOk.
      name === 'publish' && frame.frame?.$case === 'requestOk' ? undefined : outcomeOf(frame, id),
    );

  /** A proxy with a player, a server, and a value in the network main. */
  const fillMain = async (): Promise<void> => {
    const gate = await joined(root, `${MARK}-gate`);
    await joined(root, `${MARK}-lobby`, { role: 'NODE_ROLE_DOWNSTREAM', commands: ['greet'] });
    const player = { xuid: PLAYER, name: `${MARK} player` };
    expect(await ask(gate, 'reportPlayers', { reports: [{ joined: player }] })).to.equal('OK');
    const content = { text: MARK };
    expect(await ask(gate, 'putValue', { ...VALUE, content })).to.equal('OK');
  };

  /** The lists of main, and the position of its journal. */
  const mainNow = async (): Promise<string[]> => {
    const lists = [
      'ListNodes',
      'ListPlayers',
      'ListValues',
      'GetRouting',
      'GetSettings',
      'ListCredentials',
    ];
    const answers = calls
      .filter(({ name }) => lists.includes(name))
      .map(async (method) => (await call(method, { request: {}, needs: {} }, root)).message);
    return (await Promise.all(answers)).map((message) => message?.toString('hex') ?? '');
  };

  it('has a row of every call, and of every frame', () => {
    expect(Object.keys(callRows).sort()).to.deep.equal(calls.map(({ name }) => name).sort());
    const oneof =
      messageType('NodeFrame').oneofs[0]?.fields.map(({ localName }) => localName) ?? [];
    expect([...Object.keys(frameRows), 'hello'].sort()).to.deep.equal([...oneof].sort());
  });

  it('keeps the peers of another network away from main', async () => {
    const blue = await coordinator.createToken({ name: 'blue-root', network: 'blue' });
    const before = await mainNow();
    for (const method of calls) {
      const { reason, message } = await call(method, rowOf(method), blue);
      expect(reason, method.name).to.not.be.oneOf(['RIGHT_MISSING', 'INTERNAL']);
      expect(message?.includes(MARK) ?? false, method.name).to.equal(false);
    }
    for (const [name, { request }] of frames) {
      const node = await joined(blue, `n-${++names}`, {
        topics: ['nodes.>', 'players.>', 'state.>'],
      });
      const seen = await node.ask(frameOf(name, request), (frame, id) =>
        outcomeOf(frame, id) === undefined ? undefined : frame,
      );
      const failed = typeof seen === 'string' || seen.frame?.$case === 'requestFailed';
      expect(failed || !JSON.stringify(seen).includes(MARK), name).to.equal(true);
    }
    expect(await mainNow()).to.deep.equal(before);
  });

  for (const method of calls) {
    it(`allows ${method.name} by exactly its rights`, async () => {
      const row = rowOf(method);
      const { reason } = await call(method, row, await tokenOf(row.needs));
      expect(reason).to.equal(row.allowed ?? 'OK');
      for (const rights of without(row.needs)) {
        expect((await call(method, row, await tokenOf(rights))).reason).to.equal('RIGHT_MISSING');
      }
    });
  }

  for (const [name, row] of frames) {
    it(`allows the frame ${name} by exactly its rights`, async () => {
      const exact = { ...row.needs, ...session };
      const node = await joined(await tokenOf(exact));
      expect(await ask(node, name, row.request)).to.equal(row.allowed ?? 'OK');
      for (const rights of without(row.needs)) {
        const denied = await joined(await tokenOf(rights));
        expect(await ask(denied, name, row.request)).to.equal('RIGHT_MISSING');
      }
    });
  }

  it('allows a Hello by its name, its role and each of its topics', async () => {
    const hello = { topics: ['chat.*', 'nodes.*'] };
    const readTopics = ['chat.>', 'nodes.>'];
    const exact = { nodeNames: ['n-*'], roles: [NodeRole.PROXY], readTopics };
    expect((await join(await tokenOf(exact), 'n-exact', hello)).outcome).to.equal('OK');
    for (const rights of [
      { ...exact, nodeNames: ['n-exact-2', 'x-*'] },
      { ...exact, roles: [NodeRole.DOWNSTREAM, NodeRole.SERVICE] },
      { ...exact, readTopics: ['chat.>'] },
      { ...exact, readTopics: ['>'] },
    ]) {
      expect((await join(await tokenOf(rights), 'n-exact', hello)).outcome).to.equal(
        'RIGHT_MISSING',
      );
    }
    expect((await join(await tokenOf(exact), `${MARK}-lobby`)).outcome).to.equal('RIGHT_MISSING');
  });

  it('gives no node the name or the players of another', async () => {
    const token = await tokenOf({ ...FULL, ...session, commandTargets: ['n-*'] });
    for (const [name, { request, another }] of frames) {
      if (another === undefined) continue;
      expect(await ask(await joined(token), name, request), name).to.equal(another);
    }
    // The coordinator ignores latencies of players whom the node does not hold.
    await ask(await joined(token), 'heartbeat', frameRows.heartbeat.request);
    const { message } = await callNamed('GetPlayer', { player: { id: PLAYER } });
    const { player } = GetPlayerResponse.decode(message ?? Buffer.of());
    expect({ ...player }).to.include({ proxy: `${MARK}-gate`, latencyMs: undefined });
  });

  it('allows nothing by a credential that is expired or revoked', async () => {
    const [expired, revoked] = [await tokenOf(FULL, 'main', 60_000), await tokenOf(FULL)];
    const id = await idOf(`c-${names}`);
    const nodes = (token: string) => Promise.all(frames.map(() => joined(token)));
    const [late, early] = [await nodes(expired), await nodes(revoked)];
    wallMs += 61_000;
    expect((await callNamed('RevokeCredential', { id })).reason).to.equal('OK');
    for (const [at, [name, { request, needs }]] of frames.entries()) {
      if (Object.keys(needs).length === 0) continue;
      const pair = [late[at], early[at]].filter((node) => node !== undefined);
      const answers = pair.map((node) => ask(node, name, request));
      expect(await Promise.all(answers), name).to.deep.equal([
        'CREDENTIAL_EXPIRED',
        'CREDENTIAL_REVOKED',
      ]);
    }
    let by = peer;
    for (const [at, method] of calls.entries()) {
      if (at % 4 === 0) by = await stranger();
      const answers = [expired, revoked].map((token) => call(method, rowOf(method), token, by));
      const reasons = (await Promise.all(answers)).map(({ reason }) => reason);
      expect(reasons, method.name).to.deep.equal(['CREDENTIAL_EXPIRED', 'CREDENTIAL_INVALID']);
    }
    by = await stranger();
    expect((await join(expired, 'n-late', {}, by)).outcome).to.equal('CREDENTIAL_EXPIRED');
    expect((await join(revoked, 'n-late', {}, by)).outcome).to.equal('CREDENTIAL_INVALID');
    const ended = async (sessions: SecureSession[]): Promise<unknown> =>
      new Set(await Promise.all(sessions.map((node) => node.ended)));
    expect(await ended(late)).to.deep.equal(new Set(['CREDENTIAL_EXPIRED']));
    expect(await ended(early)).to.deep.equal(new Set(['CREDENTIAL_REVOKED']));
  });

  const callNamed = (name: string, request: JsonObject) => {
    const method = calls.find((one) => one.name === name);
    if (!method) throw new Error(`the contract has no ${name}`);
    return call(method, { request, needs: {} }, root);
  };
  const idOf = async (name: string): Promise<string> => {
    const { message } = await callNamed('ListCredentials', { pageSize: 1000 });
    const { credentials } = ListCredentialsResponse.decode(message ?? Buffer.of());
    return credentials.find((one) => one.name === name)?.id ?? '';
  };

  it('stores the allowed events of a publish, and names each of the others', async () => {
    const node = await joined(await tokenOf({ ...session, publishTopics: ['chat.mixed.>'] }));
    const topics = ['chat.mixed.a', 'shop.mixed', 'chat.mixed.b', 'inbox.n-1', 'chat.other'];
    const events = topics.map((topic) => ({ topic, payload: { content: { text: 'hello' } } }));
    const frame = frameOf('publish', { events, firstPublishSequence: '1' });
    const ack = await node.ask(frame, (one) =>
      one.frame?.$case === 'publishAck' ? one.frame.value : undefined,
    );
    if (typeof ack === 'string') throw new Error(ack);
    expect(ack.publishSequence).to.equal(5);
    expect(ack.rejections.map((one) => [one.publishSequence, reasonOf(one.error)])).to.deep.equal([
      [2, 'RIGHT_MISSING'],
      [4, 'RIGHT_MISSING'],
      [5, 'RIGHT_MISSING'],
    ]);
    const read = { topics: ['chat.mixed.*', 'shop.mixed', 'chat.other'] };
    const { message } = await callNamed('ReadEvents', {
      ...read,
      start: { at: 'START_AT_EARLIEST' },
    });
    const stored = ReadEventsResponse.decode(message ?? Buffer.of()).events;
    expect(stored.map(({ topic }) => topic)).to.deep.equal(['chat.mixed.a', 'chat.mixed.b']);
  });

  it('gives a join token Join, a look at itself, and nothing else', async () => {
    const make = { name: 'doors', rights: { nodeNames: ['n-*'] }, ttlMs: 60_000 };
    const token = await coordinator.createToken({ ...make, join: { uses: 1 } });
    for (const method of calls) {
      const allowed = { Join: 'OK', GetOwnCredential: 'OK' }[method.name];
      const row = { ...rowOf(method), ...(method.name === 'Join' && { request: JOIN }) };
      const { reason } = await call(method, row, token);
      expect(reason, method.name).to.equal(allowed ?? 'CREDENTIAL_REQUIRED');
    }
    expect((await join(token, 'n-door')).outcome).to.equal('CREDENTIAL_REQUIRED');
    for (const path of [REFLECTION, '/grpc.health.v1.Health/Check']) {
      const { reason } = await peer.call(path, Buffer.of(), token);
      expect(reason, path).to.equal('CREDENTIAL_REQUIRED');
    }
  });

  it('asks nobody for a credential to check the health, and everybody else', async () => {
    const by = await stranger();
    const health = await by.call('/grpc.health.v1.Health/Check', Buffer.of());
    expect(health.reason).to.equal('OK');
    const watch = await by.call('/grpc.health.v1.Health/Watch', Buffer.of());
    expect(watch.reason).to.equal('CREDENTIAL_REQUIRED');
    expect((await peer.call('/grpc.health.v1.Health/Watch', Buffer.of(), root)).reason).to.equal(
      'OK',
    );
    const listing = Buffer.from('3a00', 'hex');
    expect((await by.call(REFLECTION, listing)).reason).to.equal('CREDENTIAL_REQUIRED');
    expect((await peer.call(REFLECTION, listing, await tokenOf({}))).reason).to.equal('OK');
    expect((await join(undefined, 'n-nobody', {}, by)).outcome).to.equal('CREDENTIAL_REQUIRED');
  });
});

function rowOf({ name }: DescMethod): Row {
  const row = callRows[name];
  if (!row) throw new Error(`the matrix has no row of ${name}`);
  return row;
}
