/**
 * The client: connects a proxy, a game server or any other process to the network.
 *
 * @module kelpie
 */
export type { OwnNodeChange } from './connection/own-node.js';
export { connect, KelpieClient } from './client.js';
export type {
  AnyCommand,
  ConsoleOutput,
  FormName,
  Forms,
  PlayerFailure,
  PlayerResult,
  ResultOf,
  Selector,
  Target,
  Verified,
} from './commands/commands.js';
export type {
  ConfirmArrival,
  MoveForms,
  PrepareArrival,
  PrepareDeparture,
  TransferEnded,
  TransferPlayer,
} from './commands/moves.js';
export type { PlayerRef } from './commands/refs.js';
export type { Display, Title, Toast } from './commands/display.js';
export type { CommandContext, CustomHandler, FormHandler, Handling } from './commands/handlers.js';
export type { CommandResult, Issue, IssueOptions } from './commands/issued.js';
export type { Load } from './connection/load.js';
export type { ConnectOptions } from './options.js';
export type { StartOption } from './core/start.js';
export { contextJson, contextText } from './core/context.js';
export type { ServerSelection, ServerSelector } from './core/server-selector.js';
export type {
  AuditActionName,
  DenialReasonName,
  DurabilityName,
  FallbackReasonName,
  GapReasonName,
  NodeLeaveReasonName,
  OccasionName,
  OriginName,
  PlayerLeaveReasonName,
  RoleName,
  SettableState,
  StateName,
  StrategyName,
  TransferStageName,
  WelcomeOutcomeName,
} from './core/spelling.js';
export type { RoutingCondition, RoutingRule } from './core/routing.js';
export { type FailureReason, KelpieError } from './errors.js';
export type { PlayerFacts, PlayerFactsChange } from './players/facts.js';
export type { Acquired, Evicted, PlayersOptions, Policy, Ticket } from './players/options.js';
export type { Players } from './players/players.js';
export type { MessageContent } from './events/content.js';
export type { MessageOptions, ReceivedEvent } from './events/received.js';
export type { PickedServer } from './roster/pick.js';
export type { PickOptions, PickPlayer } from './roster/routing.js';
export type { RosterView } from './roster/view.js';
export type { PlayerLookup } from './roster/players.js';
export type { Destination } from './transfers/destination.js';
export type { Reservation } from './transfers/reservations.js';
export type { SlotOptions, SlotRequest } from './transfers/slots.js';
export type { TransferOptions } from './transfers/request.js';
export type { PlayersTarget } from './transfers/target.js';
export type { Arrived, TransferUpdate } from './transfers/updates.js';
export type { ClientState, Status } from './status.js';
export type { Lock } from './state/lock.js';
export type { LockOptions } from './state/locks.js';
export type { State } from './state/state.js';
export type { NodePutOptions, PutOptions, ValueGuard, WriteOptions } from './state/value.js';
export type { EndedValue, SharedValue, ValueChange } from './events/shared-value.js';
export type { ValueHandler } from './state/watch.js';
export type { ValueWatch } from './state/watches.js';
export type { Welcome } from './connection/welcome.js';
export type { Gap } from './events/gap.js';
export type { Node } from './core/node.js';
export type { AuditOutcome, AuditRecord } from './events/audit-record.js';
export type {
  AuditRecorded,
  EventBody,
  NetworkEvent,
  NodeEvent,
  NodeJoined,
  NodeLeft,
  NodeUpdated,
  PlayerEvent,
  PlayerJoined,
  PlayerLeft,
  PlayerMoved,
  PlayerUpdated,
  RoutingChanged,
  SettingsChanged,
  StateChanged,
  StateDeleted,
  StateEvent,
} from './events/body.js';
export type {
  BodyHandler,
  NodeEvents,
  Nodes,
  PlayerEvents,
  Unsubscribe,
} from './events/network-events.js';
export type { Api } from './api/api.js';
export type { Handler, Subscription } from './events/subscriptions.js';
export type { WarningLogger } from './warnings.js';
export type { TlsOptions } from './connection/tls.js';
export type { Transport } from './connection/transport.js';
export { type Cursor } from '../gen/ts/kelpie/v1/cursor.js';
export type { NetworkSettings } from '../gen/ts/kelpie/v1/settings.js';
export type { Device, Player } from '../gen/ts/kelpie/v1/player.js';
export type { Address, NodeLoad } from '../gen/ts/kelpie/v1/node.js';
export type { Limits } from '../gen/ts/kelpie/v1/coordinator.js';
