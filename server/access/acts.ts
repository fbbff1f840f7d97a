/**
 * The one table of acts: which calls and frames are acts of an operator or of one node upon another, and what their
 * records say. A test holds that each call and each frame of the contract is here. The coordinator's own work is no
 * act: it evicts a player who logs in twice, and it moves the players of a drain, which has a record itself.
 */
import { AuditAction } from '../../gen/ts/kelpie/v1/audit.js';
import type {
  CreateCredentialRequest,
  CreateCredentialResponse,
  JoinRequest,
  JoinResponse,
  RevokeCredentialRequest,
  RevokeCredentialResponse,
  RotateCredentialRequest,
  RotateCredentialResponse,
} from '../../gen/ts/kelpie/v1/access_service.js';
import type {
  IssueCommandRequest,
  IssueCommandResponse,
} from '../../gen/ts/kelpie/v1/command_service.js';
import type { PlayerRef } from '../../gen/ts/kelpie/v1/command.js';
import type { SetSettingsRequest } from '../../gen/ts/kelpie/v1/network_service.js';
import type {
  CancelNodeDrainRequest,
  DisconnectNodeRequest,
  DrainNodeRequest,
  UpdateNodeRequest,
} from '../../gen/ts/kelpie/v1/node_service.js';
import type {
  KickPlayersRequest,
  KickPlayersResponse,
  ShowMessageRequest,
  ShowMessageResponse,
  TransferPlayersRequest,
  TransferPlayersResponse,
} from '../../gen/ts/kelpie/v1/player_service.js';
import type { SetRoutingRequest } from '../../gen/ts/kelpie/v1/routing_service.js';
import type { NodeFrame } from '../../gen/ts/kelpie/v1/session_service.js';
import type { DeleteValueRequest, PutValueRequest } from '../../gen/ts/kelpie/v1/state_service.js';
import { nameOfValue, type ValuePlace } from '../state/keys.js';
import { topicOfKey } from '../topics/topic.js';
import type { Act } from './act.js';
import {
  changeInWords,
  credentialInWords,
  destinationInWords,
  displayInWords,
  drainInWords,
  inWords,
  nodesOf,
  ofPlayers,
  rulesInWords,
  settingsInWords,
  valueInWords,
} from './act-details.js';

import {
  credentialOutcomes,
  namedCredentialOutcomes,
  nodeOutcomes,
  playerOutcomes,
  playersOutcomes,
  transferOutcomes,
} from './act-outcomes.js';

/** Makes the act of a request; undefined: this request is none. A text: the reason why such requests are no acts. */
export type Rule = string | ((request: never) => Act | undefined);

const READS = 'it reads';
const OWN = 'a node acts for itself and its own players';
const SLOTS = 'it holds room and moves nobody';

function issueCommand({
  target,
  command,
}: IssueCommandRequest): Act<IssueCommandResponse> | undefined {
  const form = command?.form;
  switch (form?.$case) {
    case 'kickPlayers':
      return { action: AuditAction.KICK, ...ofCommand(form.value), detail: form.value.message };
    case 'showMessage': {
      const { players, display } = form.value;
      const shown = { ...ofCommand({ players }), detail: displayInWords(display) };
      return { action: AuditAction.SHOW_MESSAGE, ...shown, isMinor: true };
    }
    case 'runConsoleCommand': {
      const { line: detail } = form.value;
      return { action: AuditAction.RUN, targets: nodesOf(target), detail, read: nodeOutcomes };
    }
    case 'transferPlayer': {
      const { player, server, toProxy } = form.value;
      const to = inWords(server && `to server ${server}`, toProxy && `to proxy ${toProxy}`);
      const players = ofCommand({ players: player ? [player] : [] });
      return { action: AuditAction.TRANSFER, ...players, detail: to, read: nodeOutcomes };
    }
    default:
      return undefined;
  }
}

function ofCommand({ players }: { readonly players: readonly PlayerRef[] }) {
  const targets = players.map(({ playerId }) => playerId);
  return { targets, read: playersOutcomes(targets.length) };
}

const transferPlayers = ({
  target,
  destination,
}: TransferPlayersRequest): Act<TransferPlayersResponse> => ({
  action: AuditAction.TRANSFER,
  ...ofPlayers(target, destinationInWords(destination)),
  read: transferOutcomes,
});

function topicOf(place: ValuePlace): string[] {
  try {
    return [topicOfKey(`state/${nameOfValue(place)}`)];
  } catch {
    // The call fails with KEY_INVALID.
    return [];
  }
}

/** By path. */
export const calls: Readonly<Record<string, Rule>> = {
  ...of('AccessService', {
    CreateCredential: (request: CreateCredentialRequest): Act<CreateCredentialResponse> => ({
      action: AuditAction.CREATE_CREDENTIAL,
      detail: credentialInWords(request),
      read: credentialOutcomes,
    }),
    GetCredential: READS,
    ListCredentials: READS,
    RevokeCredential: ({ id }: RevokeCredentialRequest): Act<RevokeCredentialResponse> => ({
      action: AuditAction.REVOKE_CREDENTIAL,
      targets: [id],
      read: namedCredentialOutcomes,
    }),
    RotateCredential: ({ id }: RotateCredentialRequest): Act<RotateCredentialResponse> => ({
      action: AuditAction.ROTATE_CREDENTIAL,
      targets: [id],
      read: namedCredentialOutcomes,
    }),
    Join: ({ nodeName }: JoinRequest): Act<JoinResponse> => ({
      action: AuditAction.JOIN,
      detail: nodeName,
      read: credentialOutcomes,
    }),
    GetOwnCredential: READS,
    GetSecurity: READS,
  }),
  ...of('CommandService', { IssueCommand: issueCommand }),
  ...of('CoordinatorService', { GetInfo: READS, ListCoordinators: READS, ListSessions: READS }),
  ...of('EventService', {
    PublishEvents: 'the event says it',
    ReadEvents: READS,
    WatchEvents: READS,
  }),
  ...of('NetworkService', {
    GetSettings: READS,
    SetSettings: ({ settings }: SetSettingsRequest): Act => ({
      action: AuditAction.SET_SETTINGS,
      detail: settingsInWords(settings),
    }),
  }),
  ...of('NodeService', {
    ListNodes: READS,
    GetNode: READS,
    UpdateNode: ({ name, change }: UpdateNodeRequest): Act => ({
      action: AuditAction.UPDATE_NODE,
      targets: [name],
      detail: change ? changeInWords(change) : '',
    }),
    DisconnectNode: ({ name }: DisconnectNodeRequest): Act => ({
      action: AuditAction.DISCONNECT,
      targets: [name],
    }),
    DrainNode: ({ name, destination, playersPerSecond, deadline }: DrainNodeRequest): Act => ({
      action: AuditAction.DRAIN,
      targets: [name],
      detail: inWords(destinationInWords(destination), drainInWords(playersPerSecond, deadline)),
      endsAtOnce: true,
    }),
    CancelNodeDrain: ({ name }: CancelNodeDrainRequest): Act => ({
      action: AuditAction.CANCEL_DRAIN,
      targets: [name],
    }),
    ReserveSlots: SLOTS,
    ReleaseSlots: SLOTS,
  }),
  ...of('PlayerService', {
    GetPlayer: READS,
    BatchGetPlayers: READS,
    ListPlayers: READS,
    CountPlayers: READS,
    KickPlayers: ({ target, message }: KickPlayersRequest): Act<KickPlayersResponse> => ({
      action: AuditAction.KICK,
      ...ofPlayers(target, message),
      read: playerOutcomes,
    }),
    TransferPlayers: transferPlayers,
    ShowMessage: ({ target, display }: ShowMessageRequest): Act<ShowMessageResponse> => ({
      action: AuditAction.SHOW_MESSAGE,
      ...ofPlayers(target, displayInWords(display)),
      read: playerOutcomes,
      isMinor: true,
    }),
  }),
  ...of('RoutingService', {
    GetRouting: READS,
    SetRouting: ({ table }: SetRoutingRequest): Act => ({
      action: AuditAction.SET_ROUTING,
      detail: rulesInWords(table),
    }),
    ExplainRouting: READS,
  }),
  ...of('SessionService', { Connect: 'each frame of the stream has a rule of its own' }),
  ...of('StateService', {
    GetValue: READS,
    ListValues: READS,
    PutValue: (request: PutValueRequest): Act => ({
      action: AuditAction.PUT_VALUE,
      targets: topicOf(request),
      detail: valueInWords(request),
    }),
    DeleteValue: (request: DeleteValueRequest): Act => ({
      action: AuditAction.DELETE_VALUE,
      targets: topicOf(request),
    }),
  }),
};

/** By the form of a frame. */
export const frames: Readonly<Record<NonNullable<NodeFrame['frame']>['$case'], Rule>> = {
  hello: OWN,
  publish: 'the event names the node',
  ack: OWN,
  heartbeat: OWN,
  updateSubscription: READS,
  updateOwnNode: OWN,
  goodbye: OWN,
  acquirePlayer: OWN,
  releasePlayer: OWN,
  reportPlayers: OWN,
  syncPlayers: OWN,
  updatePlayer: 'the event PlayerUpdated names the node',
  issueCommand,
  cancelCommand: 'the record of the command has its outcome',
  commandReply: OWN,
  transferPlayers,
  reserveSlots: SLOTS,
  releaseSlots: SLOTS,
  getValue: READS,
  putValue: 'the event StateChanged names the node',
  deleteValue: 'the event StateDeleted names the node',
};

function of(service: string, rules: Readonly<Record<string, Rule>>): Record<string, Rule> {
  const named = Object.entries(rules).map(([method, rule]) => {
    return [`/kelpie.v1.${service}/${method}`, rule] as const;
  });
  return Object.fromEntries(named);
}
