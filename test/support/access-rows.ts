/** The table of the matrix of rights: a request of every call and every frame, and the rights that it needs. */
import { Rights, Verb } from '../../gen/ts/kelpie/v1/access.js';
import { NodeRole } from '../../gen/ts/kelpie/v1/node.js';
import type { NodeFrame } from '../../gen/ts/kelpie/v1/session_service.js';
import type { JsonObject } from '@bufbuild/protobuf';

/** The player and the value of the network `main`. Every name and text there has the word `MARK`. */
export const PLAYER = '2535400000000001';
export const MARK = 'marked';
export const VALUE = { bucket: 'shop', key: 'ap.ple' };
const VALUE_TOPIC = 'state.shop.ap_2eple';

export interface Row {
  readonly request: JsonObject;
  /** Exactly the rights that the request needs. A session has the rights to its name and role beside these. */
  readonly needs: Partial<Rights>;
  /** The answer to a peer that has the rights. Default OK. */
  readonly allowed?: string;
  /** A node that names another node or another node's player gets this. Not set: the request names none. */
  readonly another?: string;
}

export type FrameName = NonNullable<NodeFrame['frame']>['$case'];

const verbs = (...names: (keyof typeof Verb)[]): Partial<Rights> => ({
  verbs: names.map((name) => Verb[name]),
});
const content = { text: 'hello' };
const player = { id: PLAYER };
const event = { topic: 'chat.global', payload: { content } };
const issue = {
  target: { node: `${MARK}-lobby` },
  command: { custom: { name: 'greet', content } },
  timeout: '0.02s',
};
const calling: Partial<Rights> = { commands: ['*'], commandTargets: [`${MARK}-*`] };
const guarded = { ...VALUE, content, guard: { bucket: 'locks', key: 'one' } };
const writing: Partial<Rights> = { publishTopics: [VALUE_TOPIC], readTopics: ['state.locks.one'] };
const transfer = {
  target: { player },
  destination: { server: `${MARK}-lobby` },
  timeout: '0.02s',
};
const reserve = { node: `${MARK}-lobby`, slots: 1, ttl: '10s' };

const ofNodes: Record<string, Row> = {
  ListNodes: { request: {}, needs: { readTopics: ['nodes.*'] } },
  GetNode: { request: { name: `${MARK}-lobby` }, needs: { readTopics: [`nodes.${MARK}-lobby`] } },
  UpdateNode: {
    request: { name: `${MARK}-lobby`, change: {} },
    needs: verbs('UPDATE_NODES'),
  },
  DisconnectNode: {
    request: { name: 'nobody' },
    needs: verbs('DISCONNECT'),
    allowed: 'NODE_NOT_FOUND',
  },
  DrainNode: { request: { name: 'nobody' }, needs: verbs('DRAIN'), allowed: 'NODE_NOT_FOUND' },
  CancelNodeDrain: { request: { name: `${MARK}-lobby` }, needs: verbs('DRAIN') },
  ReserveSlots: { request: reserve, needs: verbs('RESERVE') },
  ReleaseSlots: {
    request: { reservationId: 'none' },
    needs: verbs('RESERVE'),
    allowed: 'RESERVATION_NOT_FOUND',
  },
};

const ofPlayers: Record<string, Row> = {
  GetPlayer: { request: { player }, needs: { readTopics: [`players.${PLAYER}`] } },
  BatchGetPlayers: { request: { players: [player] }, needs: { readTopics: ['players.*'] } },
  ListPlayers: { request: {}, needs: { readTopics: ['players.*'] } },
  CountPlayers: { request: {}, needs: { readTopics: ['players.*', 'nodes.*'] } },
  KickPlayers: {
    request: { target: { player: { id: '7' } } },
    needs: verbs('KICK'),
    allowed: 'PLAYER_NOT_FOUND',
  },
  TransferPlayers: { request: transfer, needs: verbs('TRANSFER') },
  ShowMessage: {
    request: { target: { player: { id: '7' } }, display: { chat: 'hello' } },
    needs: verbs('SHOW_MESSAGE'),
    allowed: 'PLAYER_NOT_FOUND',
  },
};

const ofOthers: Record<string, Row> = {
  IssueCommand: { request: issue, needs: calling },
  PublishEvents: { request: { events: [event] }, needs: { publishTopics: ['chat.global'] } },
  ReadEvents: {
    request: { topics: ['nodes.>'], start: { at: 'START_AT_EARLIEST' } },
    needs: { readTopics: ['nodes.>'] },
  },
  WatchEvents: {
    request: { topics: ['kelpie.audit', 'players.*'], start: { at: 'START_AT_LATEST' } },
    needs: { readTopics: ['kelpie.audit', 'players.*'] },
  },
  GetValue: { request: VALUE, needs: { readTopics: [VALUE_TOPIC] } },
  ListValues: { request: { bucket: 'shop' }, needs: { readTopics: ['state.shop.*'] } },
  PutValue: { request: guarded, needs: writing },
  DeleteValue: {
    request: { ...VALUE, guard: { bucket: 'locks', key: 'one', sequence: 1 } },
    needs: writing,
    allowed: 'SEQUENCE_CONFLICT',
  },
  GetRouting: { request: {}, needs: { readTopics: ['routing'] } },
  SetRouting: { request: {}, needs: verbs('SET_ROUTING') },
  ExplainRouting: {
    request: { player },
    needs: { readTopics: ['routing', 'nodes.*', `players.${PLAYER}`] },
  },
  GetSettings: { request: {}, needs: { readTopics: ['kelpie.settings'] } },
  SetSettings: { request: {}, needs: verbs('SET_SETTINGS') },
  GetInfo: { request: {}, needs: {} },
  ListCoordinators: { request: {}, needs: verbs('INSPECT') },
  ListSessions: { request: {}, needs: verbs('INSPECT') },
};

const ofAccess: Record<string, Row> = {
  CreateCredential: { request: { name: 'new' }, needs: verbs('MANAGE_CREDENTIALS') },
  GetCredential: {
    request: { id: 'none' },
    needs: verbs('MANAGE_CREDENTIALS'),
    allowed: 'CREDENTIAL_NOT_FOUND',
  },
  ListCredentials: { request: {}, needs: verbs('MANAGE_CREDENTIALS') },
  RevokeCredential: {
    request: { id: 'none' },
    needs: verbs('MANAGE_CREDENTIALS'),
    allowed: 'CREDENTIAL_NOT_FOUND',
  },
  RotateCredential: {
    request: { id: 'none' },
    needs: verbs('MANAGE_CREDENTIALS'),
    allowed: 'CREDENTIAL_NOT_FOUND',
  },
  Join: {
    request: { nodeName: 'lobby', tokenHash: Buffer.alloc(32, 7).toString('base64') },
    needs: {},
    allowed: 'CREDENTIAL_REQUIRED',
  },
  GetOwnCredential: { request: {}, needs: {} },
  GetSecurity: { request: {}, needs: verbs('INSPECT') },
};

/** Every call but Connect, whose rights are those of its frames. */
export const callRows: Readonly<Record<string, Row>> = {
  ...ofNodes,
  ...ofPlayers,
  ...ofOthers,
  ...ofAccess,
};

/** Every frame but Hello, by which the matrix opens its sessions. */
export const frameRows: Readonly<Record<Exclude<FrameName, 'hello'>, Row>> = {
  heartbeat: { request: { latencies: [{ playerId: PLAYER, latencyMs: 7 }] }, needs: {} },
  ack: { request: {}, needs: {} },
  publish: {
    request: { events: [event], firstPublishSequence: '1' },
    needs: { publishTopics: ['chat.>'] },
  },
  updateSubscription: {
    request: { addedTopics: ['nodes.*', 'chat.eu.>'], startAt: 'START_AT_LATEST' },
    needs: { readTopics: ['nodes.>', 'chat.>'] },
  },
  goodbye: { request: {}, needs: {} },
  updateOwnNode: { request: { change: { motd: 'hello' } }, needs: {} },
  acquirePlayer: {
    request: { player: { xuid: '9', name: 'Nine' } },
    needs: verbs('HOLD_PLAYERS'),
  },
  releasePlayer: {
    request: { playerId: PLAYER, generation: '1' },
    needs: verbs('HOLD_PLAYERS'),
    allowed: 'STALE_GENERATION',
    another: 'STALE_GENERATION',
  },
  reportPlayers: {
    request: { reports: [{ playerId: PLAYER, generation: '1', movedTo: 'nowhere' }] },
    needs: verbs('HOLD_PLAYERS'),
    allowed: 'STALE_GENERATION',
    another: 'STALE_GENERATION',
  },
  syncPlayers: { request: {}, needs: verbs('HOLD_PLAYERS') },
  issueCommand: { request: issue, needs: calling, another: 'RIGHT_MISSING' },
  cancelCommand: { request: { issuedRequestId: 1 }, needs: {} },
  commandReply: {
    request: { commandId: '1', output: { done: {} } },
    needs: {},
    allowed: 'COMMAND_NOT_FOUND',
    another: 'COMMAND_NOT_FOUND',
  },
  updatePlayer: {
    request: { playerId: PLAYER, generation: '1', change: {} },
    needs: verbs('UPDATE_PLAYERS'),
    allowed: 'STALE_GENERATION',
    another: 'STALE_GENERATION',
  },
  transferPlayers: { request: transfer, needs: verbs('TRANSFER') },
  reserveSlots: { request: reserve, needs: verbs('RESERVE') },
  releaseSlots: {
    request: { reservationId: 'none' },
    needs: verbs('RESERVE'),
    allowed: 'RESERVATION_NOT_FOUND',
    another: 'RESERVATION_NOT_FOUND',
  },
  getValue: { request: VALUE, needs: { readTopics: [VALUE_TOPIC] } },
  putValue: {
    request: { ...guarded, owner: `${MARK}-lobby` },
    needs: writing,
    allowed: 'NODE_NOT_FOUND',
    another: 'NODE_NOT_FOUND',
  },
  deleteValue: {
    request: { ...VALUE, guard: { bucket: 'locks', key: 'one', sequence: 1 } },
    needs: writing,
    allowed: 'SEQUENCE_CONFLICT',
  },
};

/** The roles that a session of the matrix may have. */
export const ROLES = [NodeRole.PROXY, NodeRole.DOWNSTREAM, NodeRole.SERVICE];
