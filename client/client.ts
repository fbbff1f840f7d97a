/**
 * A node's membership of the network: one stream at a time, made again whenever it ends, and what
 * outlives a stream.
 */
import { StartAt } from '../gen/ts/kelpie/v1/cursor.js';
import { GoodbyeReason, type Hello, type Welcome } from '../gen/ts/kelpie/v1/session_service.js';
import type { EventBatch, Gap } from '../gen/ts/kelpie/v1/stream.js';
import { msOf } from './duration.js';
import { closedError, KelpieError } from './errors.js';
import { type Change, changeOf, helloAfter } from './change.js';
import { Kept } from './kept.js';
import { Link, type LinkEvents } from './link.js';
import { type ConnectOptions, helloOf, type Load, type Route, routesOf } from './options.js';
import { Connection, type Stream } from './connection.js';
import { Position } from './position.js';
import { Publisher } from './publisher.js';
import { draftOf, type MessageContent, type MessageOptions } from './received.js';
import { Roster, ROSTER_TOPICS } from './roster.js';
import { type Status, StatusBoard } from './status.js';
import { type Handler, type Subscription, Subscriptions } from './subscriptions.js';
import { sdk } from './version.js';

/** How long `close` waits for publishes that are not acknowledged. */
const CLOSE_MS = 5000;

/**
 * Connects a node. Returns at once; the first stream opens in this tick's end, with all topics that
 * were subscribed until then. Throws for options that can never do.
 */
export function connect(options: ConnectOptions): KelpieClient {
  return new KelpieClient(options);
}

export class KelpieClient {
  /** The nodes of the network, live, from memory. */
  readonly roster: Roster = new Roster(() => this.#kept.rosterChanged(this.roster));
  #hello: Hello;
  readonly #load: ConnectOptions['load'];
  readonly #status = new StatusBoard();
  readonly #publisher = new Publisher(() => this.#link?.wake());
  readonly #subscriptions: Subscriptions;
  readonly #connection: Connection;
  readonly #position: Position;
  readonly #kept: Kept;
  #welcome: Welcome | undefined;
  #end: { error: KelpieError | undefined } | undefined;
  readonly #running: Promise<void>;

  constructor(options: ConnectOptions) {
    this.#hello = helloOf(options, sdk);
    this.#load = options.load;
    this.#kept = new Kept(options, (path, error) =>
      this.#status.post({ type: 'fileFailed', path, error }),
    );
    this.#position = new Position(options.start ?? 'SNAPSHOT', this.#kept.cursor);
    this.#connection = new Connection({
      routes: routesOf(options),
      open: (route) => this.#open(route),
      isFinal: (error) => this.#isFinal(error),
      longestBackoffMs: () => this.#graceMs() / 3,
      post: (status) => this.#status.post(status),
    });
    this.#subscriptions = new Subscriptions({
      handlerTimeoutMs: options.handlerTimeoutMs ?? 10_000,
      onPatterns: () => this.#changeTopics(),
      onFailure: (pattern, error) => this.#status.post({ type: 'handlerFailed', pattern, error }),
    });
    for (const topic of ROSTER_TOPICS) this.#subscriptions.want(topic);
    this.#kept.restore(this.roster);
    this.#running = this.#run();
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
    return this.#subscriptions.add(pattern, handler);
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
    const start = this.#position.restart();
    const whole = this.roster.complete || this.#position.loading;
    const all = this.#subscriptions.patterns;
    // Reading starts elsewhere than at a Snapshot: then the roster asks for its own, when it can.
    const topics = whole ? all : all.filter((topic) => !ROSTER_TOPICS.includes(topic));
    return { link, ended: link.run(transport, { ...this.#hello, topics, start }) };
  }

  #eventsOf(endpoint: string, link: () => Link): LinkEvents {
    return {
      welcome: (welcome) => {
        this.#connection.welcomed(link());
        this.#welcome = welcome;
        if (welcome.cursor) this.#position.reach(welcome.cursor);
        this.#changeTopics();
        this.#status.post({ type: 'connected', endpoint, welcome });
      },
      batch: (batch) => this.#take(batch),
      snapshot: (part) => {
        this.#position.load(part);
        this.roster.applySnapshot(part, this.#graceMs());
      },
      gap: (gap) => this.#lose(gap),
      caughtUp: (cursor) => {
        this.#position.reach(cursor);
        this.#kept.processed(this.#kept.received(cursor));
      },
      drain: ({ reconnectWindow }) => {
        this.#status.post({ type: 'draining' });
        void this.#connection.move(link(), msOf(reconnectWindow, 1000), !this.#position.loading);
      },
      loads: ({ loads }) => this.roster.applyLoads(loads),
      load: () => this.#sayLoad(),
      refused: (error) => this.#status.post({ type: 'refused', error }),
    };
  }

  #take({ afterSequence, upTo, events }: EventBatch): Promise<unknown> | undefined {
    const position = this.#position.sequence;
    if (afterSequence > position) {
      const message = `a batch begins after ${afterSequence}, but only what is up to ${position} was received`;
      this.#link?.fail(new KelpieError('PROTOCOL', message));
      return undefined;
    }
    const handling: Promise<unknown>[] = [];
    for (const event of events) {
      if (event.sequence <= position) continue;
      this.roster.applyEvent(event);
      const handled = this.#subscriptions.deliver(event);
      if (handled) handling.push(handled);
    }
    if (!upTo) return undefined;
    this.#position.reach(upTo);
    const piece = this.#kept.received(upTo);
    if (handling.length > 0) return Promise.all(handling).then(() => this.#kept.processed(piece));
    this.#kept.processed(piece);
    return undefined;
  }

  #lose(gap: Gap): void {
    this.#position.lose(gap);
    this.roster.applyGap(gap);
    this.#status.post({ type: 'gap', gap });
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
    const topics = this.#subscriptions.patterns;
    const own = topics.filter((topic) => ROSTER_TOPICS.includes(topic));
    // A Snapshot is for what was not there before; for the rest this is the order of asking.
    this.#link?.addTopics(own, StartAt.SNAPSHOT);
    this.#link?.setTopics(topics);
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
    this.roster.close();
    this.#kept.close();
    this.#status.post({ type: 'closed', error });
  }
}
