/**
 * The composition of a client: the parts that outlive a stream, and the receiver of each stream's frames. Only this
 * file and reading.ts connect the rooms of the client.
 */
import { Heartbeat, type Hello, type Welcome } from '../gen/ts/kelpie/v1/session_service.js';
import { type Clock, systemClock } from './core/clock.js';
import { type OwnNodeChange, changeOf, helloAfter } from './connection/own-node.js';
import { Connection, type Stream } from './connection/connection.js';
import { closedError, fromThrown, KelpieError, typed } from './errors.js';
import { Handlers } from './commands/handlers.js';
import { checkRoom } from './connection/hello-limits.js';
import { timesOf, welcomeOf } from './connection/welcome.js';
import { Link, type LinkEvents } from './connection/link.js';
import { measuredLoad } from './connection/load.js';
import { type ConnectOptions, helloOf, routesOf } from './options.js';
import type { Route } from './connection/transport.js';
import { type Answer, unanswered } from './connection/requests.js';
import { playersOf } from './own-players.js';
import { valuesOf } from './own-values.js';
import type { ProxySession } from './players/proxy-session.js';
import { gapOf } from './events/gap.js';
import { Publisher } from './events/publisher.js';
import { Reading } from './reading.js';
import type { State } from './state/state.js';
import { type ClientState, type Status, StatusBoard } from './status.js';
import type { Handler, Subscription } from './events/subscriptions.js';
import { checkPattern } from './events/topic.js';
import { sdk } from './core/version.js';
import { processWarnings, Warnings } from './warnings.js';

/** How long `close` waits for publishes that are not acknowledged. */
const CLOSE_MS = 5000;

/** The surroundings of a session, which tests replace. */
export interface Surroundings {
  readonly clock: Clock;
  readonly routes: readonly Route[];
}

export class Session {
  readonly status: StatusBoard;
  readonly publisher: Publisher;
  readonly reading: Reading;
  readonly handlers: Handlers;
  /** The shared values. */
  readonly values: State;
  /** The players of a node that holds players. */
  readonly proxy: ProxySession | undefined;
  readonly #clock: Clock;
  #hello: Hello;
  readonly #load: ConnectOptions['load'];
  readonly #connection: Connection;
  #welcome: Welcome | undefined;
  #end: { error: KelpieError | undefined } | undefined;
  #closing = false;
  readonly #running: Promise<void>;
  /** Resolves when the client has ended: with the error that ended it, or undefined after `close`. */
  readonly closed: Promise<KelpieError | undefined>;

  constructor(options: ConnectOptions, surroundings: Partial<Surroundings> = {}) {
    const { clock = systemClock, routes = routesOf(options) } = surroundings;
    this.#clock = clock;
    const warnings = new Warnings(options.name, options.logger ?? processWarnings, clock);
    this.status = new StatusBoard((status) => warnings.take(status));
    this.publisher = new Publisher(() => this.link?.wake(), clock);
    this.#hello = helloOf(options, sdk);
    this.#load = options.load;
    const post = (status: Status): void => {
      if (status.type === 'disconnected') this.values.locks.disconnected();
      this.status.post(status);
    };
    this.#connection = new Connection({
      clock,
      routes,
      open: (route) => this.#open(route),
      isFinal: (error) => this.#isFinal(error),
      longestBackoffMs: () => this.graceMs / 3,
      post,
    });
    this.reading = new Reading(options, clock, post, {
      onTopics: () => this.#changeTopics(),
      onMissing: (topics) => this.link?.helloChanges.requestSnapshot(topics),
    });
    this.values = valuesOf({ clock, reading: this.reading, session: this });
    this.handlers = new Handlers({
      clock,
      admit: (commands) => this.#checkRoom({ commands: [...commands] }),
      link: () => this.link,
      onNames: () => this.link?.helloChanges.setCommands(this.handlers.names),
      holds: (player) => this.proxy?.holds(player) ?? true,
      onRefused: (error) => post({ type: 'refused', error }),
    });
    this.proxy = playersOf(options, this.handlers, {
      ...{ clock, post, roster: this.reading.roster },
      link: () => this.link,
    });
    this.#running = this.#run();
    this.closed = this.#running.then(() => this.#end?.error);
  }

  get state(): ClientState {
    if (this.#end) return 'CLOSED';
    if (this.link?.open) return 'CONNECTED';
    return this.#welcome ? 'AWAY' : 'CONNECTING';
  }

  get name(): string {
    return this.#hello.name.toLowerCase();
  }

  /** The endpoint of the present stream, or of the next attempt. */
  get endpoint(): string {
    return this.#connection.endpoint;
  }

  /** The number of requests that wait for answers. */
  get requests(): number {
    return this.#connection.pending;
  }

  /** The stream, while there is one. */
  get link(): Link | undefined {
    return this.#connection.link;
  }

  /** The stream, for a request. Throws the error that ended the session, CLOSED, or UNAVAILABLE while there is none. */
  usableLink(): Link {
    if (this.ended) throw this.ended;
    if (!this.link) throw unanswered();
    return this.link;
  }

  /** Set when the session has ended: its error, or CLOSED. */
  get ended(): KelpieError | undefined {
    return this.#end && (this.#end.error ?? closedError());
  }

  /** Set when no more publishes are taken: the session has ended, or is about to end. */
  get publishesEnded(): KelpieError | undefined {
    return this.ended ?? (this.#closing ? closedError() : undefined);
  }

  /** Resolves when the first Snapshot is complete. Rejects with the error that ended the session before. */
  async ready(): Promise<void> {
    await Promise.race([this.reading.roster.loaded, this.#running]);
    if (this.ended) throw this.ended;
  }

  /** The features that the coordinator of the newest stream reports. */
  get features(): readonly string[] {
    return this.#welcome?.features ?? [];
  }

  /** See `KelpieClient.update`. */
  async update(change: OwnNodeChange): Promise<void> {
    const value = { change: typed(() => changeOf(change)) };
    await this.usableLink().request({ $case: 'updateOwnNode', value });
    this.#hello = helloAfter(this.#hello, value.change);
  }

  /** See `KelpieClient.subscribe`. */
  subscribe(given: string, handler: Handler): Subscription {
    const pattern = checkPattern(given, this.#hello.name);
    this.checkTopic(pattern);
    return this.reading.subscribe(pattern, handler);
  }

  /** Throws PATTERN_LIMIT or HELLO_TOO_LARGE if a pattern has no room in the Hello. */
  checkTopic(pattern: string): void {
    const { topics } = this.reading;
    const asked = topics.includes(pattern) || pattern.startsWith('inbox.');
    if (!asked) this.#checkRoom({ topics: [...topics, pattern] });
  }

  #checkRoom({ topics = this.reading.topics, commands = this.handlers.names }): void {
    checkRoom({ ...this.#hello, topics, commands }, this.#welcome?.limits);
  }

  /** See `KelpieClient.close`. */
  async close(): Promise<void> {
    if (!this.#end && !this.#closing) {
      this.#closing = true;
      // It waits also while no stream is open: one may open in time.
      await this.publisher.idle(CLOSE_MS);
      this.#end ??= { error: undefined };
      this.#connection.close();
      const giveUp = this.#clock.after(CLOSE_MS, () => this.#connection.fail(closedError()));
      await this.#running;
      giveUp();
    }
    await this.#running;
  }

  async #run(): Promise<void> {
    // The first Hello has the topics of all subscriptions of this tick.
    await Promise.resolve();
    // `run` throws if the Hello cannot be encoded.
    const error = await this.#connection.run().catch(fromThrown);
    this.#end ??= { error };
    await this.#finish();
  }

  #open({ endpoint, transport, network }: Route): Stream {
    const events = this.#eventsOf(endpoint, () => link);
    const link: Link = new Link(this.publisher, this.#clock, events, network);
    const hello = { ...this.#hello, ...this.reading.restart(), commands: this.handlers.names };
    return { link, ended: link.run(transport, hello) };
  }

  #eventsOf(endpoint: string, link: () => Link): LinkEvents {
    return {
      welcome: (welcome) => {
        this.#connection.welcomed(link());
        this.#welcome = welcome;
        this.reading.begin(welcome.cursor);
        if (this.reading.unloaded) link().helloChanges.requestSnapshot(this.reading.roster.topics);
        this.#changeTopics();
        link().helloChanges.setCommands(this.handlers.names);
        this.reading.requestMissing();
        this.values.locks.connected(welcomeOf(welcome).outcome === 'RESUMED');
        this.proxy?.restart();
        this.handlers.restart();
        this.status.post({ type: 'connected', endpoint, welcome: welcomeOf(welcome) });
      },
      batch: (batch) => {
        try {
          return this.reading.take(batch);
        } catch (error) {
          link().fail(fromThrown(error));
          return undefined;
        }
      },
      caughtUp: (cursor) => this.reading.reach(cursor),
      frame: (frame) => this.#take(frame, link()),
      heartbeat: (roundTripMs) => this.#heartbeat(roundTripMs),
      refused: (error) => this.status.post({ type: 'refused', error }),
      expiring: (expiresInMs) => this.status.post({ type: 'credentialExpiring', expiresInMs }),
    };
  }

  #take(frame: Answer, link: Link): void {
    switch (frame.$case) {
      case 'snapshot':
        return this.reading.load(frame.value, this.graceMs);
      case 'gap':
        this.reading.lose(frame.value);
        return this.status.post({ type: 'gap', gap: gapOf(frame.value) });
      case 'nodeLoads':
        return this.reading.loads(frame.value.loads);
      case 'drain':
        if (!frame.value.mayStay) this.status.post({ type: 'draining' });
        return void this.#connection.move(link, frame.value, !this.reading.loading);
      case 'commandRequest':
        return this.handlers.take(frame.value);
      case 'commandCancelled':
        return this.handlers.cancel(frame.value.commandId);
      case 'playerEvicted':
        return this.proxy?.evicted(frame.value);
      case 'syncRequested':
        return this.proxy?.sync();
      default:
        return undefined;
    }
  }

  #heartbeat(roundTripMs: number | undefined): Heartbeat {
    const load = measuredLoad(this.#load, roundTripMs, (error) =>
      this.status.post({ type: 'handlerFailed', pattern: 'load', error }),
    );
    return Heartbeat.create({ load, ...this.proxy?.heartbeat() });
  }

  #changeTopics(): void {
    this.link?.helloChanges.setTopics(this.reading.topics);
  }

  /** Whether the client ends with this error: no later attempt can help, or the name was in use from the start. */
  #isFinal(error: KelpieError | undefined): boolean {
    if (!error) return false;
    const ended = error.reason === 'SESSION_ENDED';
    return error.permanent || ended || (error.reason === 'NODE_NAME_IN_USE' && !this.#welcome);
  }

  /** How long the coordinator keeps the node without a stream. */
  get graceMs(): number {
    return timesOf(this.#welcome).graceMs;
  }

  async #finish(): Promise<void> {
    const error = this.#end?.error;
    this.publisher.close(error ?? closedError());
    const kept = this.reading.close();
    this.handlers.close();
    this.values.locks.close(error ?? closedError());
    this.proxy?.close();
    this.status.post({ type: 'closed', error });
    await kept;
  }
}
