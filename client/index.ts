/** Kelpie's client: connect a proxy, a game server or any other process to the network. */
export type { Change } from './change.js';
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
} from './commands.js';
export type { CommandContext, CustomHandler, FormHandler, Handling } from './handlers.js';
export type { CommandOutcome, Issue, IssueOptions } from './issued.js';
export type { Load } from './load.js';
export type { ConnectOptions, StartOption } from './options.js';
export type { SettableState } from './spelling.js';
export { type FailureReason, KelpieError } from './errors.js';
export type { PlayerFacts, PlayerFactsChange } from './player-facts.js';
export type { Acquired, Evicted, Players, PlayersOptions } from './players.js';
export type { MessageContent } from './content.js';
export type { MessageOptions, ReceivedEvent } from './received.js';
export type { Roster } from './roster.js';
export type { PlayerLookup } from './roster-players.js';
export type { Status } from './status.js';
export type { Handler, Subscription } from './subscriptions.js';
export type { WarningLogger } from './warnings.js';
export type { Transport } from './transport.js';
export { type Cursor } from '../gen/ts/kelpie/v1/cursor.js';
export { type Event, NodeLeaveReason } from '../gen/ts/kelpie/v1/event.js';
export type { Player } from '../gen/ts/kelpie/v1/player.js';
export { type Node, NodeState, NodeRole } from '../gen/ts/kelpie/v1/node.js';
