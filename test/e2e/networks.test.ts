/**
 * Two networks in one coordinator. Everything that the network main has is named by the other one, in every call and in
 * every frame: the other network answers nothing about it, and main hears and stores nothing.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { expect } from 'chai';
import type { JsonObject, JsonValue } from '@bufbuild/protobuf';
import { connect } from '../../client/index.js';
import { type Coordinator, startCoordinator } from '../../server/coordinator.js';
import { dataFolder, removeDataFolders } from '../support/process/data-folder.js';
import { methods } from '../support/wire/descriptors.js';
import {
  type Answer,
  methodNamed,
  rpcName,
  Tenant,
  type TenantSession,
} from '../support/wire/tenant.js';

const INSTANCE = Buffer.alloc(16, 7).toString('base64');
const STEVE = { xuid: '2535400000000001', name: 'Steve' };
const LATEST = { at: 'START_AT_LATEST' };
const player = { player: { id: STEVE.xuid } };
const echo = { custom: { name: 'echo', content: { text: 'x' } } };
const chat = { topic: 'chat.a', payload: { content: { text: 'hello' } } };
const destination = { server: 'lobby' };

/** Things of main that the other network names. */
interface Secrets {
  readonly reservation: string;
  readonly nodesPage: string;
  readonly playersPage: string;
  readonly valuesPage: string;
  readonly sessionsPage: string;
  readonly cursor: JsonObject;
  readonly credential: string;
  readonly command: string;
}

/** A request with the names of main, and the answer of the other network: a reason, or its fields without positions. */
type Row = readonly [request: JsonObject, answer: string | JsonObject[]];

/** Every call. Several rows of one call are in a list. */
const calls: Record<string, (main: Secrets) => readonly Row[]> = {
  'NodeService.ListNodes': ({ nodesPage }) => [
    [{}, [{}]],
    [{ pageSize: 1, pageToken: nodesPage }, 'PAGE_TOKEN_INVALID'],
  ],
  'NodeService.GetNode': () => [[{ name: 'lobby' }, 'NODE_NOT_FOUND']],
  'NodeService.UpdateNode': () => [
    [{ name: 'lobby', change: { state: 'NODE_STATE_MAINTENANCE' } }, 'NODE_NOT_FOUND'],
  ],
  'NodeService.DisconnectNode': () => [[{ name: 'lobby' }, 'NODE_NOT_FOUND']],
  'NodeService.DrainNode': () => [[{ name: 'lobby', deadline: '1s' }, 'NODE_NOT_FOUND']],
  'NodeService.CancelNodeDrain': () => [[{ name: 'lobby' }, 'NODE_NOT_FOUND']],
  'NodeService.ReserveSlots': () => [[{ node: 'lobby', slots: 1, ttl: '60s' }, 'NODE_NOT_FOUND']],
  'NodeService.ReleaseSlots': ({ reservation }) => [
    [{ reservationId: reservation, slots: 1 }, 'RESERVATION_NOT_FOUND'],
  ],
  'PlayerService.GetPlayer': () => [
    [player, 'PLAYER_NOT_FOUND'],
    [{ player: { name: 'Steve' } }, 'PLAYER_NOT_FOUND'],
  ],
  'PlayerService.BatchGetPlayers': () => [
    [{ players: [player.player] }, [{ missing: [player.player] }]],
  ],
  'PlayerService.ListPlayers': ({ playersPage }) => [
    [{}, [{}]],
    [{ proxy: 'gate' }, [{}]],
    [{ pageSize: 1, pageToken: playersPage }, 'PAGE_TOKEN_INVALID'],
  ],
  'PlayerService.CountPlayers': () => [[{}, [{}]]],
  'PlayerService.KickPlayers': () => [[{ target: player, message: 'x' }, 'PLAYER_NOT_FOUND']],
  'PlayerService.ShowMessage': () => [
    [{ target: player, display: { chat: 'x' } }, 'PLAYER_NOT_FOUND'],
  ],
  'PlayerService.TransferPlayers': () => [[{ target: player, destination }, 'PLAYER_NOT_FOUND']],
  'CommandService.IssueCommand': () => [
    [{ target: { node: 'gate' }, command: echo, timeout: '1s' }, 'NO_TARGET'],
    [{ target: { playerProxy: STEVE.xuid }, command: echo, timeout: '1s' }, 'PLAYER_NOT_FOUND'],
    [{ target: { every: {} }, command: echo, timeout: '1s' }, 'NO_TARGET'],
  ],
  'EventService.ReadEvents': ({ cursor }) => [
    [
      { topics: ['>', 'nodes.>', 'players.>', 'state.>'], start: { after: cursor } },
      [{ gap: { reason: 'GAP_REASON_EPOCH_CHANGED' } }],
    ],
  ],
  'EventService.PublishEvents': () => [
    // main has the same number of the same instance: each network counts its own.
    [{ events: [chat], instanceId: INSTANCE, firstPublishSequence: '1' }, [{ stored: 1 }]],
  ],
  'RoutingService.GetRouting': () => [[{}, [{ table: {} }]]],
  'RoutingService.SetRouting': () => [[{ table: {} }, [{}]]],
  'RoutingService.ExplainRouting': () => [[{ player: player.player }, 'PLAYER_NOT_FOUND']],
  'NetworkService.GetSettings': () => [[{}, [{ settings: {} }]]],
  'NetworkService.SetSettings': () => [[{ settings: {} }, [{}]]],
  'CoordinatorService.ListSessions': ({ sessionsPage }) => [
    [{}, [{}]],
    [{ pageSize: 1, pageToken: sessionsPage }, 'PAGE_TOKEN_INVALID'],
  ],
  'StateService.GetValue': () => [[{ bucket: 'vault', key: 'one' }, 'VALUE_NOT_FOUND']],
  'StateService.ListValues': ({ valuesPage }) => [
    [{ bucket: 'vault' }, [{}]],
    [{ bucket: 'vault', pageSize: 1, pageToken: valuesPage }, 'PAGE_TOKEN_INVALID'],
  ],
  'StateService.PutValue': () => [
    [{ bucket: 'vault', key: 'mine', content: { text: 'x' }, owner: 'gate' }, 'NODE_NOT_FOUND'],
  ],
  'StateService.DeleteValue': () => [[{ bucket: 'vault', key: 'one' }, 'VALUE_NOT_FOUND']],
  'AccessService.GetCredential': ({ credential }) => [[{ id: credential }, 'CREDENTIAL_NOT_FOUND']],
  'AccessService.RevokeCredential': ({ credential }) => [
    [{ id: credential }, 'CREDENTIAL_NOT_FOUND'],
  ],
  'AccessService.RotateCredential': ({ credential }) => [
    [{ id: credential }, 'CREDENTIAL_NOT_FOUND'],
  ],
};

/** Calls whose answers have facts of the own network: a test of their own looks at them. */
const OWN = [
  'CoordinatorService.GetInfo',
  'CoordinatorService.ListCoordinators',
  'AccessService.CreateCredential',
  'AccessService.ListCredentials',
  'AccessService.GetOwnCredential',
  'AccessService.Join',
  'AccessService.GetSecurity',
  'EventService.WatchEvents',
  'SessionService.Connect',
];

/** Every frame of a session of the other network, and its answer: a reason, or the kind of the frame. */
const frames: Record<string, (main: Secrets) => readonly (readonly [JsonObject, string])[]> = {
  heartbeat: () => [[{}, 'heartbeatAck']],
  ack: ({ cursor }) => [[{ sequence: cursor['sequence'] ?? '1' }, 'ACK_INVALID']],
  publish: () => [[{ firstPublishSequence: '2', events: [chat] }, 'requestOk']],
  updateSubscription: () => [[{ addedTopics: ['inbox.lobby'] }, 'TOPIC_RESERVED']],
  updateOwnNode: () => [[{ change: { labels: { who: 'test' } } }, 'requestOk']],
  releasePlayer: () => [[{ playerId: STEVE.xuid, generation: '1' }, 'PLAYER_NOT_FOUND']],
  updatePlayer: () => [
    [{ playerId: STEVE.xuid, generation: '1', change: { language: 'de' } }, 'PLAYER_NOT_FOUND'],
  ],
  issueCommand: () => [
    [{ target: { node: 'lobby' }, command: echo, timeout: '1s' }, 'NO_TARGET'],
    [{ target: { playerServer: STEVE.xuid }, command: echo, timeout: '1s' }, 'PLAYER_NOT_FOUND'],
  ],
  cancelCommand: () => [[{ issuedRequestId: 1 }, 'requestOk']],
  commandReply: ({ command }) => [
    [{ commandId: command, output: { custom: { text: 'from test' } } }, 'COMMAND_NOT_FOUND'],
  ],
  transferPlayers: () => [[{ target: player, destination }, 'PLAYER_NOT_FOUND']],
  reserveSlots: () => [[{ node: 'lobby', slots: 1, ttl: '60s' }, 'NODE_NOT_FOUND']],
  releaseSlots: ({ reservation }) => [
    [{ reservationId: reservation, slots: 1 }, 'RESERVATION_NOT_FOUND'],
  ],
  getValue: () => [[{ bucket: 'vault', key: 'one' }, 'VALUE_NOT_FOUND']],
  putValue: () => [
    [
      { bucket: 'vault', key: 'one', content: { text: 'x' }, expectedSequence: '1' },
      'SEQUENCE_CONFLICT',
    ],
  ],
  deleteValue: () => [[{ bucket: 'vault', key: 'one' }, 'VALUE_NOT_FOUND']],
  reportPlayers: () => [
    [{ reports: [{ playerId: STEVE.xuid, generation: '1', movedTo: 'lobby' }] }, 'playersReported'],
  ],
  // The same player is online in main. Here they are new.
  acquirePlayer: () => [[{ player: STEVE, policy: 'DUPLICATE_POLICY_DENY_NEW' }, 'playerAcquired']],
  syncPlayers: () => [[{ players: [], asOf: '0' }, 'playersSynced']],
  hello: () => [
    [{ name: 'gate', role: 'NODE_ROLE_PROXY', instanceId: INSTANCE }, 'HELLO_DUPLICATE'],
  ],
  goodbye: () => [[{ reason: 'GOODBYE_REASON_STOP' }, 'requestOk']],
};

describe('two networks in one coordinator', () => {
  let coordinator: Coordinator;
  let main: Tenant;
  let test: Tenant;
  let secrets: Secrets;
  const sessions: TenantSession[] = [];
  let gate: TenantSession;
  let lobby: TenantSession;

  before(async () => {
    coordinator = await startCoordinator({ port: 0, journal: 'memory' });
    const token = (network: string) => coordinator.createToken({ name: 'boss', network });
    main = new Tenant(coordinator.endpoint, await token('main'));
    test = new Tenant(coordinator.endpoint, await token('test'));
    [gate, lobby] = [joining(main, 'gate'), joining(main, 'lobby')];
    await Promise.all([gate, lobby].map(opened));
    secrets = await furnish();
  });

  after(async () => {
    for (const one of sessions) one.close();
    main.close();
    test.close();
    await coordinator.stop();
  });

  function joining(tenant: Tenant, name: string, more: JsonObject = {}): TenantSession {
    const role = name.startsWith('gate') ? 'NODE_ROLE_PROXY' : 'NODE_ROLE_DOWNSTREAM';
    const base = { name, role, instanceId: INSTANCE, commands: ['echo'], start: LATEST };
    const session = tenant.session({ ...base, ...more });
    sessions.push(session);
    return session;
  }

  /** Gives main what the other network will name. */
  async function furnish(): Promise<Secrets> {
    const joined = { playerId: STEVE.xuid, joined: STEVE };
    const moved = { playerId: STEVE.xuid, movedTo: 'lobby' };
    await gate.send({ reportPlayers: { reports: [joined, moved] } });
    await gate.send({
      reportPlayers: {
        reports: [{ ...joined, playerId: '2', joined: { xuid: '2', name: 'Alex' } }],
      },
    });
    for (const key of ['one', 'two'])
      await main.ask('StateService.PutValue', { bucket: 'vault', key, content: { text: 'x' } });
    await main.ask('EventService.PublishEvents', {
      events: [chat],
      instanceId: INSTANCE,
      firstPublishSequence: '1',
    });
    await main.ask('RoutingService.SetRouting', { table: { rules: [{ name: 'mine' }] } });
    await main.ask('NetworkService.SetSettings', { settings: { maintenance: true } });
    const held = await main.ask('NodeService.ReserveSlots', {
      node: 'lobby',
      slots: 1,
      ttl: '60s',
    });
    // A command that waits for its reply.
    void main.call('CommandService.IssueCommand', {
      target: { node: 'gate' },
      command: echo,
      timeout: '9s',
    });
    const asked = (await gate.next((frame) => 'commandRequest' in frame)) as JsonObject;
    const page = async (name: string, more: JsonObject = {}) =>
      textIn(await main.ask(name, { pageSize: 1, ...more }), 'nextPageToken');
    const own = await main.ask('AccessService.GetOwnCredential');
    return {
      reservation: textIn(held, 'reservationId'),
      nodesPage: await page('NodeService.ListNodes'),
      playersPage: await page('PlayerService.ListPlayers'),
      valuesPage: await page('StateService.ListValues', { bucket: 'vault' }),
      sessionsPage: await page('CoordinatorService.ListSessions'),
      cursor: (await main.ask('CoordinatorService.GetInfo'))['head'] as JsonObject,
      credential: textIn(own['credential'], 'id'),
      command: textIn(asked['commandRequest'], 'commandId'),
    };
  }

  /** All that main has and shows: nothing of it may change by what the other network does. */
  async function ofMain(): Promise<unknown> {
    const {
      head,
      entries,
      sessions: open,
      nodes,
      players,
    } = await main.ask('CoordinatorService.GetInfo');
    const kinds = [gate, lobby].map((one) =>
      one.frames.filter((frame) => !('heartbeatAck' in frame)),
    );
    const values = await main.ask('StateService.ListValues', { bucket: 'vault' });
    return JSON.parse(
      JSON.stringify({ head, entries, open, nodes, players, kinds, values }),
    ) as unknown;
  }

  const covered = (): string[] => [...Object.keys(calls), ...OWN].sort();

  it('covers every call and every frame of the contract', () => {
    expect(covered()).to.deep.equal(methods.map(rpcName).sort());
    const frame = methodNamed('SessionService.Connect').input.fields[0]?.message;
    const kinds = frame?.oneofs[0]?.fields.map(({ jsonName }) => jsonName).sort();
    expect(Object.keys(frames).sort()).to.deep.equal(kinds);
    for (const page of ['nodesPage', 'playersPage', 'valuesPage', 'sessionsPage'] as const)
      expect(secrets[page], page).to.not.equal('');
  });

  it('answers no call about the other', async () => {
    const before = await ofMain();
    const wrong: unknown[] = [];
    for (const [name, rows] of Object.entries(calls)) {
      for (const [request, answer] of rows(secrets)) {
        const given = shownOf(await test.call(name, request));
        if (!isDeepStrictEqual(given, answer)) wrong.push({ name, request, given, answer });
      }
    }
    expect(JSON.stringify(wrong, null, 1)).to.equal('[]');
    expect(await ofMain()).to.deep.equal(before);
  });

  it('answers no frame about the other', async () => {
    const before = await ofMain();
    const other = await opened(joining(test, 'gate'));
    const wrong: unknown[] = [];
    for (const [kind, rows] of Object.entries(frames)) {
      for (const [frame, answer] of rows(secrets)) {
        const session = kind === 'hello' ? await opened(joining(test, 'gate-2')) : other;
        const given = kindOf(await session.send({ [kind]: frame }));
        if (given !== answer) wrong.push({ kind, frame, given, answer });
      }
    }
    expect(JSON.stringify(wrong, null, 1)).to.equal('[]');
    expect(await ofMain()).to.deep.equal(before);
  });

  it('tells no reader of the other, also with the same names in both', async () => {
    const topics = [
      '>',
      'nodes.>',
      'players.>',
      'state.>',
      'routing',
      'kelpie.settings',
      'kelpie.audit',
    ];
    const watching = test.watch(topics, LATEST);
    const reader = await opened(joining(test, 'reader', { topics }));
    await main.ask('EventService.PublishEvents', { events: [{ ...chat, topic: 'chat.main' }] });
    await main.ask('StateService.PutValue', {
      bucket: 'vault',
      key: 'three',
      content: { text: 'main' },
    });
    await main.ask('NodeService.UpdateNode', { name: 'lobby', change: { labels: { of: 'main' } } });
    await gate.send({
      reportPlayers: { reports: [{ playerId: '2', changed: { language: 'main' } }] },
    });
    // Readers get events in order: with the last one all others would have come.
    const last = { ...chat, topic: 'chat.last' };
    await test.ask('EventService.PublishEvents', { events: [last] });
    await watching.next((frame) => JSON.stringify(frame).includes('chat.last'));
    await reader.next((frame) => JSON.stringify(frame).includes('chat.last'));
    const seen = JSON.stringify([watching.frames, reader.frames]);
    expect(seen).to.not.match(/main|Alex|three/);
    watching.close();
  });

  it('starts no reader at a position of the other', async () => {
    const topics = ['>', 'nodes.>', 'players.>', 'state.>'];
    const start = { after: secrets.cursor };
    const watching = test.watch(topics, start);
    const reader = await opened(joining(test, 'reader-2', { topics, start }));
    await main.ask('EventService.PublishEvents', { events: [{ ...chat, topic: 'chat.main' }] });
    await test.ask('EventService.PublishEvents', { events: [{ ...chat, topic: 'chat.end' }] });
    for (const one of [watching, reader]) {
      await one.next((frame) => JSON.stringify(frame).includes('chat.end'));
      const gap = await one.next((frame) => 'gap' in frame);
      expect(JSON.stringify(gap)).to.contain('GAP_REASON_EPOCH_CHANGED');
    }
    expect(JSON.stringify([watching.frames, reader.frames])).to.not.match(/main|Alex|three/);
    watching.close();
  });

  it('shows each network its own facts alone', async () => {
    const info = await test.ask('CoordinatorService.GetInfo');
    expect(info).to.include({ network: 'test' }).and.not.have.property('players');
    expect(await main.ask('CoordinatorService.GetInfo')).to.include({
      network: 'main',
      players: 2,
    });
    // Coordinators serve all networks: their facts name none, and nothing in one.
    const { coordinators } = await test.ask('CoordinatorService.ListCoordinators');
    const facts = (coordinators as JsonObject[]).flatMap((one) => Object.keys(one));
    expect(['id', 'version', 'endpoint', 'sessions', 'silence']).to.include.members(facts);
    const listed = await test.ask('AccessService.ListCredentials');
    const networks = (listed['credentials'] as JsonObject[]).map(({ network }) => network);
    expect(networks).to.deep.equal(['test']);
    expect(await test.ask('AccessService.GetOwnCredential')).to.include({ network: 'test' });
    const made = await test.ask('AccessService.CreateCredential', {
      name: 'more',
      preset: 'CREDENTIAL_PRESET_READ_ONLY',
    });
    expect(made['credential']).to.include({ network: 'test' });
  });

  it('is one player in each network, and each knows its own', async () => {
    const other = await opened(joining(test, 'gate-3'));
    for (const policy of ['DUPLICATE_POLICY_DENY_NEW', 'DUPLICATE_POLICY_KICK_OLD']) {
      const acquired = await other.send({ acquirePlayer: { player: STEVE, policy } });
      expect(acquired).to.have.nested.property('playerAcquired.generation');
    }
    await other.send({ reportPlayers: { reports: [{ playerId: STEVE.xuid, joined: STEVE }] } });
    expect(await main.ask('PlayerService.GetPlayer', player)).to.have.nested.property(
      'player.proxy',
      'gate',
    );
    expect(await test.ask('PlayerService.GetPlayer', player)).to.have.nested.property(
      'player.proxy',
      'gate-3',
    );
    expect(gate.frames.filter((frame) => 'playerEvicted' in frame)).to.deep.equal([]);
    const { nodes } = (await test.ask('NodeService.ListNodes')) as { nodes: { name: string }[] };
    expect(nodes.map(({ name }) => name))
      .to.include('gate-3')
      .and.not.include('lobby');
  });

  it('is no place for a program that expects another network', async () => {
    const { endpoint } = coordinator;
    const token = await coordinator.createToken({ name: 'shop', network: 'test' });
    const options = { name: 'shop', role: 'SERVICE', endpoints: endpoint, token } as const;
    const right = connect({ ...options, network: 'test' });
    await right.ready();
    // Its Hello would end with NODE_NAME_IN_USE.
    const wrong = connect({ ...options, network: 'main' });
    void drained(wrong.status());
    expect(await wrong.closed).to.include({ reason: 'NETWORK_MISMATCH', permanent: true });
    expect((await wrong.closed)?.metadata).to.deep.equal({ expected: 'main', network: 'test' });
    expect(right.connectionState).to.equal('CONNECTED');
    await right.close();
  });
});

describe('the networks of a data directory', () => {
  after(removeDataFolders);

  it('open at the start with all that they had; one that is damaged is refused by name, and the others go on', async () => {
    const data = dataFolder();
    const broken: unknown[] = [];
    const ignore = (): void => undefined;
    const error = (facts: object, message: string) => broken.push({ ...facts, err: 0, message });
    const logger = { debug: ignore, info: ignore, warn: ignore, error };
    const start = () => startCoordinator({ port: 0, data, logger });
    const first = await start();
    const token = await first.createToken({ name: 'boss', network: 'test' });
    const before = new Tenant(first.endpoint, token);
    await before.ask('StateService.PutValue', {
      bucket: 'vault',
      key: 'kept',
      content: { text: 'x' },
    });
    before.close();
    await first.stop();
    await mkdir(join(data, 'networks', 'broken'));
    await writeFile(join(data, 'networks', 'broken', 'journal.mdb'), 'nonsense');

    const second = await start();
    const after = new Tenant(second.endpoint, token);
    const lost = new Tenant(
      second.endpoint,
      await second.createToken({ name: 'boss', network: 'broken' }),
    );
    expect(second.networks).to.deep.equal(['main', 'test']);
    expect(broken).to.deep.equal([{ network: 'broken', err: 0, message: 'network not opened' }]);
    const kept = await after.call('StateService.GetValue', { bucket: 'vault', key: 'kept' });
    expect(JSON.stringify(kept)).to.include('"text":"x"');
    expect(await lost.call('NodeService.ListNodes')).to.equal('NETWORK_UNAVAILABLE');
    expect(await after.call('NodeService.ListNodes')).to.be.an('array');
    for (const one of [after, lost]) one.close();
    await second.stop();
  });

  it('are limited in number', async () => {
    const one = await startCoordinator({ port: 0, journal: 'memory', limits: { networks: 1 } });
    const tenant = new Tenant(
      one.endpoint,
      await one.createToken({ name: 'boss', network: 'test' }),
    );
    expect(await tenant.call('NodeService.ListNodes')).to.equal('NETWORK_LIMIT');
    tenant.close();
    await one.stop();
  });
});

const POSITIONS = ['cursor', 'firstSequence', 'lostAfter', 'resumesAt'];

/** An answer without positions in the journal. */
function shownOf(answer: Answer): Answer {
  const text = JSON.stringify(answer, (key, value: unknown) =>
    POSITIONS.includes(key) ? undefined : value,
  );
  return JSON.parse(text) as Answer;
}

function kindOf(answer: JsonObject | string): string {
  if (typeof answer === 'string') return answer;
  const { requestFailed } = answer as { requestFailed?: { error: { reason: string } } };
  if (requestFailed) return requestFailed.error.reason.replace('ERROR_REASON_', '');
  return Object.keys(answer).find((key) => key !== 'requestId') ?? 'nothing';
}

async function opened(session: TenantSession): Promise<TenantSession> {
  const first = await session.next(() => true);
  if (typeof first === 'string' || !('welcome' in first)) throw new Error(JSON.stringify(first));
  return session;
}

/** The text of a field; empty if it is not there. */
function textIn(message: JsonValue | undefined, field: string): string {
  return ((message ?? {}) as Record<string, string>)[field] ?? '';
}

/** Reads a status, so that it is no warning. */
async function drained(statuses: AsyncIterable<unknown>): Promise<void> {
  const all = statuses[Symbol.asyncIterator]();
  while ((await all.next()).done !== true);
}
