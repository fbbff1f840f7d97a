/**
 * Every call of the contract in one line, typed, without a session.
 *
 * @module kelpie/api
 */
export { Api, apiAt, type ApiOptions, reachApi } from './api.js';
export type { CallOptions } from './call.js';
export type { CommandsApi, IssueOptions } from './commands.js';
export type { CoordinatorApi } from './coordinator.js';
export type { EventsApi, Message, ReadOptions, WatchOptions } from './events.js';
export type { NodesApi } from './nodes.js';
export type { PageOptions } from './paging.js';
export type {
  ContextOption,
  PlayerFilter,
  PlayersApi,
  PlayersTarget,
  ReachOptions,
} from './players.js';
export type { AnyCommand, Selector, Target } from '../commands/commands.js';
export type { StartOption } from '../core/start.js';
export { type FailureReason, KelpieError } from '../errors.js';
export type { MessageContent } from '../events/content.js';
export type { PlayerLookup } from '../roster/players.js';
export { NodeRole, NodeState, type Node, type NodeChange } from '../../gen/ts/kelpie/v1/node.js';
export type { Player } from '../../gen/ts/kelpie/v1/player.js';
export type { Event } from '../../gen/ts/kelpie/v1/event.js';
export type { CommandResult } from '../../gen/ts/kelpie/v1/command.js';
export type {
  GetInfoResponse,
  ListSessionsResponse,
  Session,
} from '../../gen/ts/kelpie/v1/coordinator_service.js';
export type {
  PublishEventsResponse,
  ReadEventsResponse,
  WatchEventsResponse,
} from '../../gen/ts/kelpie/v1/event_service.js';
export type { ListNodesResponse } from '../../gen/ts/kelpie/v1/node_service.js';
export type {
  BatchGetPlayersResponse,
  CountPlayersResponse,
  KickPlayersResponse,
  ListPlayersResponse,
  ShowMessageResponse,
} from '../../gen/ts/kelpie/v1/player_service.js';
