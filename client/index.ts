/** Kelpie's client: connect a proxy, a game server or any other process to the network. */
export type { OwnNodeChange } from './connection/own-node.js';
export { connect, KelpieClient } from './client.js';
export type {
  AnyCommand,
  ConsoleOutput,
  Forms,
  PlayerFailure,
  PlayerRef,
  PlayerResult,
  Selector,
  Target,
  Verified,
} from './commands/commands.js';
export type { CommandContext, CustomHandler, FormHandler, Handling } from './commands/handlers.js';
export type { CommandResult, Issue, IssueOptions } from './commands/issued.js';
export type { Load } from './connection/load.js';
export type { ConnectOptions } from './options.js';
export type { StartOption } from './core/start.js';
export type { OriginName, SettableState } from './core/spelling.js';
export { type FailureReason, KelpieError } from './errors.js';
export type { PlayerFacts, PlayerFactsChange } from './players/facts.js';
export type { Acquired, Evicted, Players, PlayersOptions } from './players/players.js';
export type { MessageContent } from './events/content.js';
export type { MessageOptions, ReceivedEvent } from './events/received.js';
export type { Roster } from './roster/roster.js';
export type { PlayerLookup } from './roster/players.js';
export type { Status } from './status.js';
export type { Handler, Subscription } from './events/subscriptions.js';
export type { WarningLogger } from './warnings.js';
export type { Transport } from './connection/transport.js';
export { type Cursor } from '../gen/ts/kelpie/v1/cursor.js';
export { type Event, NodeLeaveReason } from '../gen/ts/kelpie/v1/event.js';
export type { Player } from '../gen/ts/kelpie/v1/player.js';
export { type Node, NodeState, NodeRole } from '../gen/ts/kelpie/v1/node.js';
