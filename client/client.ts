/**
 * A node's membership of the network: one stream at a time, made again whenever it ends, and what
 * outlives a stream.
 */
import { StartAt } from '../gen/ts/kelpie/v1/cursor.js';
import { NodeLoad } from '../gen/ts/kelpie/v1/node.js';
import {
  GoodbyeReason,
  Heartbeat,
  type Hello,
  type Welcome,
} from '../gen/ts/kelpie/v1/session_service.js';
import { type Change, changeOf, helloAfter } from './change.js';
import type { AnyCommand, FormName, ResultOf, Target } from './commands.js';
import { Connection, type Stream } from './connection.js';
import { msOf } from './duration.js';
import { closedError, fromThrown, KelpieError } from './errors.js';
import { type CustomHandler, type FormHandler, Handlers, type Handling } from './handlers.js';
import { type CommandOutcome, type Issue, issue, type IssueOptions } from './issued.js';
import { Link, type LinkEvents } from './link.js';
import { type ConnectOptions, helloOf, type Load, type Route, routesOf } from './options.js';
import type { Answer } from './pending.js';
import type { Players } from './players.js';
import { ProxySession } from './proxy-session.js';
import { Publisher } from './publisher.js';
import { Reading } from './reading.js';
import { draftOf, type MessageContent, type MessageOptions } from './received.js';
import type { Roster } from './roster.js';
import { type Status, StatusBoard } from './status.js';
import type { Handler, Subscription } from './subscriptions.js';
import { sdk } from './version.js';

/** How long `close` waits for publishes that are not acknowledged. */
const CLOSE_MS = 5000;

/**
 * Connects a node. Returns at once; the first stream opens in this tick's end, with all topics that
 * were subscribed and all commands that are handled until then. Throws for options that can never do.
 */
export function connect(options: ConnectOptions): KelpieClient {
  return new KelpieClient(options);
}

export class KelpieClient {
  #hello: Hello;
  readonly #load: ConnectOptions['load'];
  readonly #status = new StatusBoard();
  readonly #publisher = new Publisher(() => this.#link?.wake());
  readonly #reading: Reading;
  readonly #handlers: Handlers;
  /** Of a proxy that has players. */
  readonly #proxy: ProxySession | undefined;
  readonly #connection: Connection;
  #welcome: Welcome | undefined;
  #end: { error: KelpieError | undefined } | undefined;
  readonly #running: Promise<void>;

  constructor(options: ConnectOptions) {
    this.#hello = helloOf(options, sdk);
    this.#load = options.load;
    const post = (status: Status): void => this.#status.post(status);
    this.#connection = new Connection({
      routes: routesOf(options),
      open: (route) => this.#open(route),
      isFinal: (error) => this.#isFinal(error),
      longestBackoffMs: () => this.#graceMs() / 3,
      post,
    });
    this.#reading = new Reading(options, post, () => this.#changeTopics());
    this.#handlers = new Handlers({
      link: () => this.#link,
      onNames: () => this.#link?.setCommands(this.#handlers.names),
      holds: (player) => this.#proxy?.holds(player) ?? true,
      onRefused: (error) => post({ type: 'refused', error }),
    });
    this.#proxy = this.#proxyOf(options);
    this.#running = this.#run();
  }

  #proxyOf({ role, players }: ConnectOptions): ProxySession | undefined {
    if (!players) return undefined;
    if (role !== 'PROXY') throw notProxy('only proxies have players');
    const proxy = new ProxySession({
      players,
      link: () => this.#link,
      onRefused: (error) => this.#status.post({ type: 'refused', error }),
      onFailure: (pattern, error) => this.#status.post({ type: 'handlerFailed', pattern, error }),
    });
    if (players.verify) this.handle('verify_player', ({ player }) => proxy.verify(player));
    return proxy;
  }

  /** The players of this proxy. Throws ROLE_NOT_PROXY unless it is one, with the option `players`. */
  get players(): Players {
    if (this.#proxy) return this.#proxy.players;
    throw notProxy(
      'say who disconnects players: connect({ role: "PROXY", players: { onEvicted } })',
    );
  }

  /** The nodes of the network, live, from memory. */
  get roster(): Roster {
    return this.#reading.roster;
  }

  get #link(): Link | undefined {
    return this.#connection.link;
  }

  /**
   * Resolves when the session is open and the roster is loaded. Rejects with the error that ended
   * the client, for instance NODE_NAME_IN_USE.
   */
  async ready(): Promise<void> {
    await Promise.race([this.roster.loaded, this.#running]);
    if (this.#end) throw this.#end.error ?? closedError();
  }

  /**
   * Publishes a message. Resolves when the coordinator has stored it, also over reconnects; rejects
   * with its refusal (TOPIC_RESERVED, PAYLOAD_TOO_LARGE …), PUBLISH_QUEUE_FULL or CLOSED.
   */
  publish(topic: string, content: MessageContent, options: MessageOptions = {}): Promise<void> {
    if (this.#end) return Promise.reject(this.#end.error ?? closedError());
    return this.#publisher.publish(draftOf(topic, content, options));
  }

  /**
   * Calls the handler with each event whose topic matches, in order, one at a time. A topic that is
   * subscribed later than the first stream starts with what happens from then on. What others
   * publish on `inbox.<this node>` reaches this node alone.
   */
  subscribe(pattern: string, handler: Handler): Subscription {
    return this.#reading.subscribe(pattern, handler);
  }

  /**
   * Does a command whenever this node is asked to. The others see the name at once, also on later
   * streams. Throws COMMAND_INVALID for what is no name, or is handled already.
   */
  handle<Name extends FormName>(name: Name, handler: FormHandler<Name>): Handling;
  handle(name: string, handler: CustomHandler): Handling;
  handle(name: string, handler: FormHandler<FormName> | CustomHandler): Handling {
    return this.#handlers.add(name, handler);
  }

  /**
   * Asks nodes to do something, and gives each one's result as it comes. It is asked once: reading ends
   * with what IssueCommand names, UNAVAILABLE if no coordinator is connected, or OUTCOME_UNKNOWN if the
   * stream breaks. Whoever stops reading withdraws it. Throws DEADLINE_INVALID.
   */
  issue<C extends AnyCommand>(
    options: Issue<C>,
  ): AsyncGenerator<CommandOutcome<ResultOf<C>>, void> {
    return issue(this.#link, options);
  }

  /**
   * Asks for a command of the nodes' own. Resolves with the first answer; rejects with the first error
   * if there is none, for instance NO_TARGET, COMMAND_FAILED or OUTCOME_UNKNOWN.
   */
  async call(
    target: Target,
    name: string,
    content: MessageContent,
    options: IssueOptions,
  ): Promise<MessageContent | undefined> {
    const command = { custom: { name, content } };
    let failure: KelpieError | undefined;
    for await (const one of this.issue({ ...options, target, command, maxAnswers: 1 })) {
      if (!one.error) return one.answer;
      failure ??= one.error;
    }
    throw failure ?? new KelpieError('PROTOCOL', 'a command ended without a result');
  }

  /**
   * Changes what others see of this node. What is left out stays. Resolves when it is stored, and
   * holds for later streams too; rejects with LABELS_INVALID, or UNAVAILABLE while no coordinator is
   * connected.
   */
  async update(change: Change): Promise<void> {
    const value = { change: changeOf(change) };
    await (this.#link?.request({ $case: 'updateNode', value }) ?? Promise.reject(closedError()));
    this.#hello = helloAfter(this.#hello, change);
  }

  /** Requests and commands that wait for an answer, from here or from others. */
  get pending(): number {
    return (this.#link?.pending ?? 0) + this.#handlers.pending + (this.#proxy?.pending ?? 0);
  }

  /** What the client goes through, from its present state on. Ends when the client does. */
  status(): AsyncIterable<Status> {
    return this.#status.read();
  }

  /** Waits for publishes (up to 5 s), says goodbye, and ends. The node leaves at once. */
  async close(): Promise<void> {
    if (!this.#end) {
      if (this.#link?.open) await this.#publisher.idle(CLOSE_MS);
      this.#end ??= { error: undefined };
      this.#connection.close();
      this.#link?.leave(GoodbyeReason.STOP);
      const giveUp = setTimeout(() => this.#link?.fail(closedError()), CLOSE_MS);
      await this.#running;
      clearTimeout(giveUp);
    }
    await this.#running;
  }

  async #run(): Promise<void> {
    // Topics that are subscribed in this tick go into the first Hello.
    await Promise.resolve();
    const error = await this.#connection.run();
    this.#end ??= { error };
    this.#finish();
  }

  #open({ endpoint, transport }: Route): Stream {
    const link: Link = new Link(
      this.#publisher,
      this.#eventsOf(endpoint, () => link),
    );
    const hello = { ...this.#hello, ...this.#reading.restart(), commands: this.#handlers.names };
    return { link, ended: link.run(transport, hello) };
  }

  #eventsOf(endpoint: string, link: () => Link): LinkEvents {
    return {
      welcome: (welcome) => {
        this.#connection.welcomed(link());
        this.#welcome = welcome;
        this.#reading.begin(welcome.cursor);
        this.#changeTopics();
        link().setCommands(this.#handlers.names);
        this.#proxy?.restart();
        this.#handlers.restart();
        this.#status.post({ type: 'connected', endpoint, welcome });
      },
      batch: (batch) => {
        try {
          return this.#reading.take(batch);
        } catch (error) {
          link().fail(fromThrown(error));
          return undefined;
        }
      },
      caughtUp: (cursor) => this.#reading.reach(cursor),
      told: (frame) => this.#told(frame, link()),
      heartbeat: (roundTripMs) => this.#heartbeat(roundTripMs),
      refused: (error) => this.#status.post({ type: 'refused', error }),
    };
  }

  #told(frame: Answer, link: Link): void {
    switch (frame.$case) {
      case 'snapshot':
        return this.#reading.load(frame.value, this.#graceMs());
      case 'gap':
        this.#reading.lose(frame.value);
        return this.#status.post({ type: 'gap', gap: frame.value });
      case 'nodeLoads':
        return this.#reading.loads(frame.value.loads);
      case 'drain': {
        this.#status.post({ type: 'draining' });
        const windowMs = msOf(frame.value.reconnectWindow, 1000);
        return void this.#connection.move(link, windowMs, !this.#reading.loading);
      }
      case 'commandRequest':
        return this.#handlers.take(frame.value);
      case 'commandCancelled':
        return this.#handlers.cancel(frame.value.commandId);
      case 'playerEvicted':
        return this.#proxy?.evicted(frame.value);
      case 'syncRequested':
        return this.#proxy?.sync();
      default:
        return undefined;
    }
  }

  #heartbeat(roundTripMs: number): Heartbeat {
    const said = this.#sayLoad();
    const measured = roundTripMs > 0 && { roundTripMs: Math.max(1, Math.round(roundTripMs)) };
    const load = said && NodeLoad.create({ ...said, ...measured });
    return Heartbeat.create({ load, ...this.#proxy?.heartbeat() });
  }

  /** The user's function; what it throws must not end a heartbeat. */
  #sayLoad(): Load | undefined {
    try {
      return this.#load?.();
    } catch (error) {
      this.#status.post({ type: 'handlerFailed', pattern: 'load', error });
      return undefined;
    }
  }

  #changeTopics(): void {
    if (!this.#link) return;
    const { topics, roster } = this.#reading;
    const own = topics.filter((topic) => roster.topics.includes(topic));
    // A Snapshot is for what was not there before; for the rest this is the order of asking.
    this.#link.addTopics(own, StartAt.SNAPSHOT);
    this.#link.setTopics(topics);
  }

  /** What no later attempt can or should mend, and a name that is somebody else's from the start. */
  #isFinal(error: KelpieError | undefined): boolean {
    if (!error) return false;
    const ended = error.reason === 'SESSION_ENDED';
    return error.permanent || ended || (error.reason === 'NODE_NAME_IN_USE' && !this.#welcome);
  }

  #graceMs(): number {
    return msOf(this.#welcome?.grace, 15_000);
  }

  #finish(): void {
    const error = this.#end?.error;
    this.#publisher.close(error ?? closedError());
    this.#reading.close();
    this.#handlers.close();
    this.#proxy?.close();
    this.#status.post({ type: 'closed', error });
  }
}

function notProxy(message: string): KelpieError {
  return new KelpieError('ROLE_NOT_PROXY', message, { permanent: true });
}
