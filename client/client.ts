/** The client: a node's membership of the network. */
import type { OwnNodeChange } from './connection/own-node.js';
import type { MessageContent } from './events/content.js';
import type { AnyCommand, FormName, ResultOf, Target } from './commands/commands.js';
import { fromThrown, type KelpieError, typed } from './errors.js';
import type { CustomHandler, FormHandler, Handling } from './commands/handlers.js';
import {
  type CommandResult,
  customIssue,
  firstReply,
  type Issue,
  issue,
  type IssueOptions,
} from './commands/issued.js';
import { checkedOptions } from './checked-options.js';
import type { ConnectOptions } from './options.js';
import { OwnApis } from './own-apis.js';
import { Players } from './players/players.js';
import { updatePlayer } from './players/update.js';
import type { Api } from './api/api.js';
import { Nodes, type Subscribe } from './events/network-events.js';
import { draftOf, type MessageOptions } from './events/received.js';
import type { PlayerLookup } from './roster/players.js';
import { type RosterView, viewOf } from './roster/view.js';
import { Session, type Surroundings } from './session.js';
import type { ClientState, Status } from './status.js';
import type { Handler, Subscription } from './events/subscriptions.js';
import type { Destination } from './transfers/destination.js';
import { release, type Reservation, reserve } from './transfers/reservations.js';
import type { SlotRequest } from './transfers/slots.js';
import { type TransferOptions, transferOf } from './transfers/request.js';
import type { PlayersTarget } from './transfers/target.js';
import { arrivalOf, transfer } from './transfers/transfers.js';
import type { Arrived, TransferUpdate } from './transfers/updates.js';

/**
 * Connects a node. Returns at once. The first stream opens at the end of this tick, with all topics and commands that
 * have a handler at that moment. Throws VALUE_INVALID or OUT_OF_RANGE for options that cannot work, FILE_INVALID for a
 * `cursorFile` that cannot be read.
 *
 * @example
 * const kelpie = connect({ name: 'lobby-1', role: 'DOWNSTREAM', address: { port: 19132 } });
 * kelpie.subscribe('chat.global', ({ source, content }) => console.log(`<${source}> ${content}`));
 * await kelpie.ready();
 * process.once('SIGTERM', () => void kelpie.close().then(() => process.exit()));
 */
export function connect(options: ConnectOptions): KelpieClient {
  return new KelpieClient(options);
}

/** A node of the network. `connect` makes it. */
export class KelpieClient {
  /** The events of players, for every role; and the players of a node that holds players. */
  readonly players: Players;
  /** The events of nodes. */
  readonly nodes: Nodes;
  /** The nodes of the network, and its players if the options ask for them: live, from memory. */
  readonly roster: RosterView;
  /**
   * Resolves when the client has ended: with undefined after `close()`, else with the error that ended it, for
   * example NODE_NAME_IN_USE. It never rejects.
   */
  readonly closed: Promise<KelpieError | undefined>;
  /** Shared values and locks. */
  readonly state: Session['values'];
  readonly #session: Session;
  readonly #apis: OwnApis;

  /** @internal `connect` calls it; tests give it a clock and coordinators of their own. */
  constructor(options: ConnectOptions, surroundings?: Partial<Surroundings>) {
    const checked = typed(() => checkedOptions(options));
    const session = typed(() => new Session(checked, surroundings));
    const subscribe: Subscribe = (pattern, handler) => this.subscribe(pattern, handler);
    this.#session = session;
    this.#apis = new OwnApis(checked);
    this.players = new Players(subscribe, session.proxy?.players, (player, change) =>
      updatePlayer(() => session.usableLink(), player, change),
    );
    this.nodes = new Nodes(subscribe);
    this.roster = viewOf(session.reading.roster);
    this.state = session.values;
    this.closed = session.closed;
    void this.closed.then(() => this.#apis.close());
  }

  /** The node's name in lower case, as in topics. */
  get name(): string {
    return this.#session.name;
  }

  /**
   * The state of the connection: CONNECTING before the first session; CONNECTED while a session is open; AWAY after a
   * loss, until the next session is open; CLOSED after the end of the client. `status()` reports each change.
   */
  get connectionState(): ClientState {
    return this.#session.state;
  }

  /**
   * Every call of the contract in one line, as in `kelpie/api`: `client.api.nodes.all()`,
   * `client.api.players.kick(…)`. The calls go to the coordinator of the present session over a connection of their
   * own, which the first call opens. They do not wait for a session. Throws CLOSED after the end of the client;
   * UNAVAILABLE for a client with the option `transport`, which has no endpoint.
   */
  get api(): Api {
    if (this.#session.ended) throw this.#session.ended;
    return this.#apis.at(this.#session.endpoint);
  }

  /**
   * Resolves when the first session is open and the roster is loaded. Rejects with the error that ended the client
   * before that, for example NODE_NAME_IN_USE.
   */
  async ready(): Promise<void> {
    await this.#session.ready();
  }

  /**
   * Publishes a message: text, bytes, or JSON (an object or a list). Resolves when the coordinator has stored it,
   * also over reconnects. Rejects with the refusal (TOPIC_INVALID, TOPIC_RESERVED, PAYLOAD_TOO_LARGE,
   * CONTENT_TOO_DEEP …), with PUBLISH_QUEUE_FULL if more than 10,000 events or 16 MiB wait for an
   * acknowledgement, or with CLOSED. The client checks each message by the limits of its coordinator before it
   * sends it. If the stream breaks before an acknowledgement arrives, the next one reports only that the event is
   * settled. Then the promise resolves, even if the coordinator refused the event for a reason that this client does not
   * check.
   */
  publish(topic: string, content: MessageContent, options: MessageOptions = {}): Promise<void> {
    const { publishesEnded, publisher } = this.#session;
    if (publishesEnded) return Promise.reject(publishesEnded);
    try {
      return publisher.publish(typed(() => draftOf(topic, content, options)));
    } catch (error) {
      return Promise.reject(fromThrown(error));
    }
  }

  /**
   * Calls the handler with each event whose topic matches the pattern, in order, one at a time. In a pattern `*` is
   * one token and `>` at the end is the rest. A subscription that is made after the first stream opened gets only new
   * events. Only this node receives the messages on `inbox.<this node>`. Throws TOPIC_INVALID,
   * TOPIC_RESERVED, PATTERN_LIMIT, HELLO_TOO_LARGE or VALUE_INVALID.
   */
  subscribe(pattern: string, handler: Handler): Subscription {
    return typed(() => this.#session.subscribe(pattern, handler));
  }

  /**
   * Handles a command: calls the handler each time a node issues the command to this one. Other nodes see the name at
   * once, also on later streams. The handler returns the reply. If it throws, the issuer gets COMMAND_FAILED with the
   * message of the error. Throws COMMAND_INVALID if the name is not valid or has a handler already; HELLO_TOO_LARGE.
   *
   * @example
   * kelpie.handle('reserve_slot', ({ player }) => ({ slot: reserve(player) }));
   */
  handle<Name extends FormName>(name: Name, handler: FormHandler<Name>): Handling;
  handle(name: string, handler: CustomHandler): Handling;
  handle(name: string, handler: FormHandler<FormName> | CustomHandler): Handling {
    return typed(() => this.#session.handlers.add(name, handler));
  }

  /**
   * Issues a command to nodes, and gives the result of each node as it comes. The client sends the command once.
   * Reading throws NO_TARGET and the other reasons of IssueCommand; UNAVAILABLE if no coordinator is connected;
   * OUTCOME_UNKNOWN if the stream breaks; RESULTS_UNREAD if more than 16 MiB of results wait to be read. If the program
   * stops reading, the client withdraws the command. Throws DEADLINE_INVALID, OUT_OF_RANGE or VALUE_INVALID.
   *
   * @example
   * const command = { run_console_command: { line: 'save-all' } };
   * for await (const { node, reply, error } of kelpie.issue({ target: { every: {} }, command, timeoutMs: 5000 }))
   *   console.log(node, error?.reason ?? reply.lines);
   */
  issue<C extends AnyCommand>(options: Issue<C>): AsyncGenerator<CommandResult<ResultOf<C>>, void> {
    if (this.#session.ended) throw this.#session.ended;
    return typed(() => issue(this.#session.link, options));
  }

  /**
   * Issues a custom command. Resolves with the first reply. If there is none, rejects with the first error, for example
   * NO_TARGET, COMMAND_FAILED or OUTCOME_UNKNOWN. `Reply` is the type that the handler returns: the client does not
   * check it.
   *
   * @example
   * const target = { node: 'arena-1' };
   * const { slot } = await kelpie.call<{ slot: number }>(
   *   target, 'reserve_slot', { player: 'Steve' }, { timeoutMs: 5000 },
   * );
   */
  async call<Reply extends MessageContent | undefined = MessageContent | undefined>(
    target: Target,
    name: string,
    content: MessageContent,
    options: IssueOptions = {},
  ): Promise<Reply> {
    const all = typed(() => customIssue(target, name, content, options));
    return (await firstReply(this.issue(all))) as Reply;
  }

  /**
   * Moves players, and gives the progress and the end of each transfer as it comes. A reader who stops does not end the
   * transfers. Reading throws PLAYER_NOT_FOUND, NO_TARGET, NODE_NOT_FOUND, NO_PUBLIC_ADDRESS, TRANSFER_LIMIT and the
   * other reasons of TransferPlayers; UNAVAILABLE if no coordinator is connected; OUTCOME_UNKNOWN if the stream breaks
   * before all transfers have ended; RESULTS_UNREAD if more than 16 MiB of updates wait to be read. Throws
   * VALUE_INVALID, DEADLINE_INVALID or PAYLOAD_TOO_LARGE.
   *
   * @example
   * const updates = kelpie.transfer({ server: 'lobby-1' }, { servers: { labels: { mode: 'lobby' } } });
   * for await (const { playerName, stage, error } of updates)
   *   console.log(playerName, stage, error?.reason ?? '');
   */
  transfer(
    target: PlayersTarget,
    destination: Destination,
    options: TransferOptions = {},
  ): AsyncGenerator<TransferUpdate, void> {
    if (this.#session.ended) throw this.#session.ended;
    const request = typed(() => transferOf(target, destination, options));
    return transfer(this.#session.link, request);
  }

  /**
   * Moves one player. Resolves when they have arrived. Rejects with the reason why they have not: SERVER_FULL,
   * REJECTED_BY_TARGET, TIMED_OUT and the other reasons of TransferUpdate, and those of `transfer`.
   *
   * @example
   * await kelpie.move({ name: 'Steve' }, { server: 'arena-1' }, { context: { spawn: [0, 64, 0] } });
   */
  async move(
    player: PlayerLookup,
    destination: Destination,
    options: TransferOptions = {},
  ): Promise<Arrived> {
    return arrivalOf(this.transfer({ player }, destination, options));
  }

  /**
   * Picks a node and holds slots on it, in one step. They count as players until they are released, `ttlMs` has passed,
   * or the node or this process is gone. Rejects with SERVER_FULL, NO_TARGET and the other reasons of ReserveSlots;
   * VALUE_INVALID; UNAVAILABLE if no coordinator is connected; OUTCOME_UNKNOWN if the stream breaks before the answer:
   * then slots may be held until `ttlMs` has passed.
   *
   * @example
   * const held = await kelpie.reserve({ servers: { labels: { mode: 'bedwars' } }, slots: 4, ttlMs: 30_000 });
   * console.log(`4 slots on ${held.node}`);
   * await held.release();
   */
  async reserve(request: SlotRequest): Promise<Reservation> {
    return reserve(() => this.#session.usableLink(), request);
  }

  /**
   * Releases slots of any reservation, or all of them. Rejects with RESERVATION_NOT_FOUND, also if it has ended;
   * OUT_OF_RANGE if it holds fewer; and as `reserve` does.
   */
  async release(id: string, slots?: number): Promise<void> {
    return release(() => this.#session.usableLink(), id, slots);
  }

  /**
   * The optional features of the contract that the coordinator reports in its Welcome. Empty before the
   * first stream is open.
   */
  get features(): readonly string[] {
    return this.#session.features;
  }

  /**
   * Changes the facts of this node. A field that the change leaves out stays as it is. Resolves when the coordinator
   * has stored the change. The change holds for later streams too. Rejects with LABELS_INVALID, VALUE_INVALID or
   * OUT_OF_RANGE, or with UNAVAILABLE while no coordinator is connected.
   */
  async update(change: OwnNodeChange): Promise<void> {
    await this.#session.update(change);
  }

  /** The number of requests of this node, and of commands for it, that have no answer yet. */
  get pending(): number {
    const { requests, handlers, proxy } = this.#session;
    return requests + handlers.pending + (proxy?.pending ?? 0);
  }

  /**
   * The statuses of the client, from its present state on: sessions, losses, refusals, failed handlers. The iteration
   * ends when the client ends. While nobody reads it, the client writes warnings to the option `logger`.
   */
  status(): AsyncIterableIterator<Status, undefined> {
    return this.#session.status.read();
  }

  /**
   * Ends the client in order: waits up to 5 s until a coordinator has acknowledged all publishes, also while none is
   * connected; then sends Goodbye, so that the node leaves at once. Publishes without an acknowledgement reject with
   * CLOSED then, and later publishes too. Resolves when the client has ended, also if it is called again.
   *
   * @example
   * process.once('SIGTERM', () => void kelpie.close().then(() => process.exit()));
   */
  close(): Promise<void> {
    return this.#session.close();
  }
}
