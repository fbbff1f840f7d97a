/**
 * Every call of the contract in one line, typed, without a session.
 *
 * @module kelpie/api
 */
export type { AccessApi, CredentialPage, IssuedToken, OwnCredential } from './access.js';
export { Api, apiAt, type ApiOptions, reachApi } from './api.js';
export type { CallOptions } from './call.js';
export type { TlsOptions } from '../connection/tls.js';
export type { CommandsApi } from './commands.js';
export type { CoordinatorApi, CoordinatorInfo, TopicRetention } from './coordinator.js';
export type {
  EventBatch,
  EventPage,
  EventsApi,
  LostEvents,
  SnapshotPart,
  Watched,
} from './events.js';
export type { AccessMessages, CredentialRequest, RotateOptions } from './messages/access.js';
export type { CommandMessages, IssueOptions } from './messages/commands.js';
export type { CoordinatorMessages } from './messages/coordinator.js';
export type { EventMessages, Message, ReadOptions, WatchOptions } from './messages/events.js';
export type { Messages } from './messages/messages.js';
export type { CallPutOptions, StateMessages, ValueFilter } from './messages/state.js';
export type { StateApi, ValuePage } from './state.js';
export type { PutOptions, ValueGuard, WriteOptions } from '../state/value.js';
export type { EndedValue, SharedValue } from '../events/shared-value.js';
export type { NetworkMessages, SetSettingsOptions, SettingsChange } from './messages/network.js';
export type { DrainCallOptions, NodeMessages, NodeUpdate } from './messages/nodes.js';
export type {
  ContextOption,
  CountFilter,
  PlayerFilter,
  PlayerMessages,
  ReachOptions,
  TransferCallOptions,
} from './messages/players.js';
export type { NetworkApi, StoredSettings } from './network.js';
export type { ExplainOptions, RoutingMessages, SetRoutingOptions } from './messages/routing.js';
export type { HeldSlots, NodePage, NodesApi, NodeWithLoad } from './nodes.js';
export { type PageOptions, pagesOf } from './paging.js';
export type {
  FoundPlayers,
  PlayerCount,
  PlayerPage,
  PlayersApi,
  PlayersReached,
} from './players.js';
export type {
  ExplainedRule,
  ExplainedServer,
  Explanation,
  RoutingApi,
  StoredRouting,
} from './routing.js';
export type { AnyCommand, PlayerResult, ResultOf, Selector, Target } from '../commands/commands.js';
export type { CommandResult } from '../commands/issued.js';
export type { Credential, JoinTerms, Rights } from '../core/credential.js';
export type { Node } from '../core/node.js';
export { contextJson, contextText } from '../core/context.js';
export type { RoutingCondition, RoutingRule } from '../core/routing.js';
export type { ServerSelection, ServerSelector } from '../core/server-selector.js';
export type {
  DrainStageName,
  FallbackReasonName,
  OccasionName,
  PresetName,
  RoleName,
  StateName,
  StrategyName,
  TransferStageName,
  VerbName,
  VerdictName,
} from '../core/spelling.js';
export type { PlayersTarget } from '../transfers/target.js';
export type { TransferUpdate } from '../transfers/updates.js';
export type { TransferOptions } from '../transfers/request.js';
export type { SlotOptions, SlotRequest } from '../transfers/slots.js';
export type { DrainOptions, DrainProgress } from '../transfers/drain.js';
export type { Destination } from '../transfers/destination.js';
export type { Display } from '../commands/display.js';
export type { StartOption } from '../core/start.js';
export { type FailureReason, KelpieError } from '../errors.js';
export type { MessageContent } from '../events/content.js';
export type { Gap } from '../events/gap.js';
export type { ReceivedEvent } from '../events/received.js';
export type { PlayerLookup } from '../roster/players.js';
export type { Player } from '../../gen/ts/kelpie/v1/player.js';
export type { NetworkSettings } from '../../gen/ts/kelpie/v1/settings.js';
export type { Event } from '../../gen/ts/kelpie/v1/event.js';
export type { CommandResult as CommandResultMessage } from '../../gen/ts/kelpie/v1/command.js';
export type {
  Coordinator,
  GetInfoResponse,
  ListCoordinatorsResponse,
  ListSessionsResponse,
  Session,
  Warning,
} from '../../gen/ts/kelpie/v1/coordinator_service.js';
export type {
  PublishEventsResponse,
  ReadEventsResponse,
  WatchEventsResponse,
} from '../../gen/ts/kelpie/v1/event_service.js';
export type {
  GetSettingsResponse,
  SetSettingsResponse,
} from '../../gen/ts/kelpie/v1/network_service.js';
export type {
  DrainNodeResponse,
  ListNodesResponse,
  ReserveSlotsResponse,
} from '../../gen/ts/kelpie/v1/node_service.js';
export type {
  BatchGetPlayersResponse,
  CountPlayersResponse,
  KickPlayersResponse,
  ListPlayersResponse,
  ShowMessageResponse,
} from '../../gen/ts/kelpie/v1/player_service.js';
export type {
  ExplainRoutingResponse,
  GetRoutingResponse,
  SetRoutingResponse,
} from '../../gen/ts/kelpie/v1/routing_service.js';
