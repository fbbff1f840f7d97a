/**
 * One stream to a coordinator, from Hello to its end. The client makes a new one each time; what
 * outlives a stream (position, pending publishes, roster) is handed in.
 */
import { type Cursor, StartAt } from '../gen/ts/kelpie/v1/cursor.js';
import { NodeLoad } from '../gen/ts/kelpie/v1/node.js';
import {
  type CoordinatorFrame,
  type Drain,
  GoodbyeReason,
  type Hello,
  type NodeLoads,
  type SubscriptionUpdated,
  type UpdateSubscription,
  type Welcome,
} from '../gen/ts/kelpie/v1/session_service.js';
import type { EventBatch, Gap, Snapshot } from '../gen/ts/kelpie/v1/stream.js';
import { msOf } from './duration.js';
import { fromThrown, fromWire, KelpieError } from './errors.js';
import { type Frame, Outbox } from './outbox.js';
import type { Load } from './options.js';
import { Pending, unanswered } from './pending.js';
import { type Piece, Processing } from './processing.js';
import type { Publisher } from './publisher.js';
import type { Transport } from './transport.js';

/** How long a coordinator has to say Welcome. It may be asking the name's holder for 3 s. */
const WELCOME_MS = 10_000;

/** What a stream tells its client. */
export interface LinkEvents {
  welcome(welcome: Welcome): void;
  /** Hands a batch on; resolves when it is processed. */
  batch(batch: EventBatch): Promise<unknown> | undefined;
  snapshot(part: Snapshot): void;
  gap(gap: Gap): void;
  /** Everything up to here was received. */
  caughtUp(cursor: Cursor): void;
  drain(drain: Drain): void;
  loads(loads: NodeLoads): void;
  /** How this node does, for its next heartbeat. */
  load(): Load | undefined;
  refused(error: KelpieError): void;
}

export class Link {
  readonly #events: LinkEvents;
  readonly #publisher: Publisher;
  readonly #abort = new AbortController();
  readonly #outbox: Outbox;
  #welcome: Welcome | undefined;
  #failure: KelpieError | undefined;
  #beatMs: number | undefined;
  #roundTripMs: number | undefined;
  /** What the coordinator has been told to send. */
  #topics: readonly string[] = [];
  #silence: NodeJS.Timeout | undefined;
  #heartbeat: NodeJS.Timeout | undefined;
  readonly #pending = new Pending();
  readonly #processing = new Processing();
  /** Another stream took over: what still comes on this one is old. */
  #retired = false;
  #settleWelcomed: (open: boolean) => void = () => undefined;
  /** Resolves with true when the session is open, with false if it ends before. */
  readonly welcomed = new Promise<boolean>((resolve) => (this.#settleWelcomed = resolve));

  constructor(publisher: Publisher, events: LinkEvents) {
    this.#publisher = publisher;
    this.#events = events;
    this.#outbox = new Outbox(publisher);
  }

  get open(): boolean {
    return this.#welcome !== undefined && !this.#abort.signal.aborted;
  }

  /** Runs until the stream ends. Returns why, or undefined if it ended in peace. */
  async run(transport: Transport, hello: Hello): Promise<KelpieError | undefined> {
    this.#topics = hello.topics;
    this.#outbox.send({ $case: 'hello', value: hello });
    this.#watchSilence(WELCOME_MS);
    try {
      for await (const response of transport(this.#outbox.messages(), this.#abort.signal)) {
        this.#silence?.refresh();
        for (const frame of response.frames) if (!this.#retired) this.#receive(frame);
      }
      return this.#failure;
    } catch (error) {
      return this.#failure ?? fromThrown(error);
    } finally {
      clearTimeout(this.#silence);
      clearInterval(this.#heartbeat);
      this.#pending.drop();
      this.#settleWelcomed(false);
      this.#abort.abort();
      this.#outbox.end();
    }
  }

  #receive({ requestId, frame }: CoordinatorFrame): void {
    switch (frame?.$case) {
      case 'eventBatch':
        return this.#batch(frame.value);
      case 'publishAck':
        return this.#publisher.acknowledge(frame.value);
      case 'welcome':
        return this.#start(frame.value);
      case 'snapshot':
        return this.#events.snapshot(frame.value);
      case 'gap':
        return this.#events.gap(frame.value);
      case 'nodeLoads':
        return this.#events.loads(frame.value);
      case 'heartbeatAck':
        if (this.#beatMs !== undefined) this.#roundTripMs = performance.now() - this.#beatMs;
        return this.#position(frame.value);
      case 'subscriptionUpdated':
        return this.#position(frame.value);
      case 'heartbeatRequested':
        return this.#beat();
      case 'requestFailed':
        return this.#refuse(requestId, fromWire(frame.value.error));
      case 'drain':
        return this.#events.drain(frame.value);
      case 'requestOk':
        return this.#pending.answered(requestId)?.resolve();
      case undefined:
        // Of a newer coordinator: what a client does not know it skips.
        return undefined;
    }
  }

  /** Sends a request. Resolves with yes; rejects with its refusal, or UNAVAILABLE. */
  request(frame: Frame): Promise<void> {
    if (!this.open) return Promise.reject(unanswered());
    return this.#pending.ask((requestId) => this.#outbox.send(frame, requestId));
  }

  #refuse(requestId: number, error: KelpieError): void {
    const request = this.#pending.answered(requestId);
    if (request) request.reject(error);
    else this.#events.refused(error);
  }

  #start(welcome: Welcome): void {
    this.#welcome = welcome;
    this.#watchSilence(msOf(welcome.maxSilence, 15_000));
    const heartbeatMs = msOf(welcome.heartbeatInterval, 5000);
    this.#heartbeat = setInterval(() => this.#beat(), heartbeatMs);
    // At once, so that the others need not wait an interval to see how the node does.
    this.#beat();
    this.#publisher.restart(welcome);
    this.#events.welcome(welcome);
    this.#outbox.open();
    this.#settleWelcomed(true);
  }

  #beat(): void {
    const said = this.#events.load();
    const roundTripMs = Math.max(1, Math.round(this.#roundTripMs ?? 0));
    const load = said && NodeLoad.create({ ...said, ...(this.#roundTripMs && { roundTripMs }) });
    this.#beatMs = performance.now();
    this.#outbox.send({ $case: 'heartbeat', value: { load } });
  }

  #batch(batch: EventBatch): void {
    const { upTo } = batch;
    if (!upTo) return this.fail(new KelpieError('PROTOCOL', 'a batch came without its position'));
    const piece = this.#processing.begin(upTo, batch.events.length);
    const processed = this.#events.batch(batch);
    if (processed) void processed.then(() => this.#finish(piece));
    else this.#finish(piece);
  }

  /** Cumulative: as far as all pieces before are processed too. */
  #finish(piece: Piece): void {
    const progress = this.#processing.finish(piece);
    if (!progress || this.#retired) return;
    this.#outbox.acknowledge(progress.upTo.sequence, progress.due);
  }

  #position({ cursor }: { cursor: SubscriptionUpdated['cursor'] }): void {
    if (!cursor) return;
    this.#events.caughtUp(cursor);
  }

  #watchSilence(ms: number): void {
    clearTimeout(this.#silence);
    const message = `the coordinator said nothing for ${ms / 1000} s`;
    const fail = (): void => this.fail(new KelpieError('UNAVAILABLE', message));
    this.#silence = setTimeout(fail, ms);
  }

  /** Adds those topics that the stream does not have. Nothing before Welcome. */
  addTopics(topics: readonly string[], startAt: StartAt): void {
    const addedTopics = topics.filter((topic) => !this.#topics.includes(topic));
    this.#change({ addedTopics, removedTopics: [], startAt });
  }

  /** Brings the topics of the stream up to date. What is added starts now. Nothing before Welcome. */
  setTopics(topics: readonly string[]): void {
    const addedTopics = topics.filter((topic) => !this.#topics.includes(topic));
    const removedTopics = this.#topics.filter((topic) => !topics.includes(topic));
    this.#change({ addedTopics, removedTopics, startAt: StartAt.LATEST });
  }

  #change(value: UpdateSubscription): void {
    const { addedTopics, removedTopics } = value;
    if (!this.open || addedTopics.length + removedTopics.length === 0) return;
    const kept = this.#topics.filter((topic) => !removedTopics.includes(topic));
    this.#topics = [...kept, ...addedTopics];
    this.#outbox.send({ $case: 'updateSubscription', value });
  }

  /** There is something to publish. */
  wake(): void {
    this.#outbox.wake();
  }

  /** Says goodbye and lets the stream end. */
  leave(reason: GoodbyeReason): void {
    this.#outbox.send({ $case: 'goodbye', value: { reason } });
    this.#outbox.end();
  }

  /** Another stream took over: says so, and takes nothing more from this one. */
  retire(): void {
    this.#retired = true;
    this.leave(GoodbyeReason.DRAINED);
  }

  /** Breaks the stream off. */
  fail(error: KelpieError): void {
    this.#failure ??= error;
    this.#abort.abort();
  }
}
