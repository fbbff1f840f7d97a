/**
 * One stream to a coordinator, from Hello to its end. The client makes a new one each time; what
 * outlives a stream (position, pending publishes, roster) is handed in.
 */
import type { Limits } from '../../gen/ts/kelpie/v1/coordinator.js';
import type { Cursor } from '../../gen/ts/kelpie/v1/cursor.js';
import {
  type CoordinatorFrame,
  GoodbyeReason,
  type Heartbeat,
  type Hello,
  type SubscriptionUpdated,
  type Welcome,
} from '../../gen/ts/kelpie/v1/session_service.js';
import type { EventBatch } from '../../gen/ts/kelpie/v1/stream.js';
import type { Cancel, Clock } from '../core/clock.js';
import { msOf } from '../core/duration.js';
import { fromThrown, fromWire, KelpieError } from '../errors.js';
import { type Frame, Outbox, type PublishQueue } from './outbox.js';
import { type Answer, Pending, unanswered, type Waiter } from './requests.js';
import { type Piece, Processing } from '../core/processing.js';
import type { Transport } from './transport.js';
import { HEARTBEAT_MS, MAX_SILENCE_MS } from './welcome.js';
import { HelloChanges } from './hello-changes.js';

/** How long a coordinator has to say Welcome. It may be asking the name's holder for 3 s. */
const WELCOME_MS = 10_000;

/** The events of a stream, for its client. */
export interface LinkEvents {
  welcome(welcome: Welcome): void;
  /** Hands a batch on; resolves when it is processed. */
  batch(batch: EventBatch): Promise<unknown> | undefined;
  /** Everything up to here was received. */
  caughtUp(cursor: Cursor): void;
  /** Takes a frame that the client handles, not the stream. */
  frame(frame: Answer): void;
  /** The next heartbeat; `roundTripMs` is undefined before the first HeartbeatAck. */
  heartbeat(roundTripMs: number | undefined): Heartbeat;
  refused(error: KelpieError): void;
}

export class Link {
  readonly #events: LinkEvents;
  readonly #publishes: PublishQueue;
  readonly #clock: Clock;
  readonly #abort = new AbortController();
  readonly #outbox: Outbox;
  #welcome: Welcome | undefined;
  #failure: KelpieError | undefined;
  #beatMs: number | undefined;
  #roundTripMs: number | undefined;
  /** When something came last. */
  #heardMs = 0;
  #silence: Cancel = () => undefined;
  #heartbeat: Cancel = () => undefined;
  /** The topics and commands that the coordinator knows of this node. */
  readonly helloChanges = new HelloChanges((frame) => this.send(frame));
  readonly #pending = new Pending();
  readonly #processing = new Processing();
  /** Another stream took over: what still comes on this one is old. */
  #retired = false;
  #settleWelcomed: (open: boolean) => void = () => undefined;
  /** Resolves with true when the session is open, with false if it ends before. */
  readonly welcomed = new Promise<boolean>((resolve) => (this.#settleWelcomed = resolve));

  constructor(publishes: PublishQueue, clock: Clock, events: LinkEvents) {
    this.#publishes = publishes;
    this.#clock = clock;
    this.#events = events;
    this.#outbox = new Outbox(publishes);
  }

  /** The limits of the coordinator; undefined before its Welcome. */
  get limits(): Limits | undefined {
    return this.#welcome?.limits;
  }

  get open(): boolean {
    return this.#welcome !== undefined && !this.#abort.signal.aborted;
  }

  /** Runs until the stream ends. Returns why, or undefined if it ended in peace. */
  async run(transport: Transport, hello: Hello): Promise<KelpieError | undefined> {
    this.helloChanges.begin(hello);
    this.#outbox.send({ $case: 'hello', value: hello });
    this.#watchSilence(WELCOME_MS);
    try {
      for await (const response of transport(this.#outbox.messages(), this.#abort.signal)) {
        this.#heardMs = this.#clock.now();
        for (const frame of response.frames) if (!this.#retired) this.#receive(frame);
      }
      return this.#failure;
    } catch (error) {
      return this.#failure ?? fromThrown(error);
    } finally {
      this.#silence();
      this.#heartbeat();
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
        return this.#publishes.acknowledge(frame.value);
      case 'welcome':
        return this.#start(frame.value);
      case 'heartbeatAck':
        if (this.#beatMs !== undefined) this.#roundTripMs = this.#clock.now() - this.#beatMs;
        return this.#position(frame.value);
      case 'subscriptionUpdated':
        return this.#position(frame.value);
      case 'heartbeatRequested':
        return this.#beat();
      case 'requestFailed':
        return this.#refuse(requestId, fromWire(frame.value.error));
      case 'requestOk':
      case 'commandResult':
      case 'playerAcquired':
      case 'playersReported':
      case 'playersSynced':
        return this.#pending.answer(requestId, frame);
      default:
        // Nothing there: of a newer coordinator. What a client does not know it skips.
        if (frame) this.#events.frame(frame);
    }
  }

  /** Sends a request. Resolves with its one answer; rejects with its refusal, or UNAVAILABLE. */
  request(frame: Frame): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const answer = (one: Answer): boolean => {
        resolve(one);
        return true;
      };
      this.issue(frame, { answer, fail: reject });
    });
  }

  /** Sends a request that can have many answers. Returns its number. Throws UNAVAILABLE or REQUEST_QUEUE_FULL. */
  issue(frame: Frame, waiter: Waiter): number {
    if (!this.open) throw unanswered();
    return this.#pending.open(waiter, (requestId) => this.#outbox.send(frame, requestId));
  }

  /**
   * Sends a frame that needs no answer but a refusal. False: no session is open. A coordinator that takes nothing
   * while it makes this node send more loses the stream.
   */
  send(frame: Frame): boolean {
    if (this.#outbox.full)
      this.fail(
        new KelpieError('UNAVAILABLE', 'the coordinator takes no more frames from this node'),
      );
    if (this.open) this.#outbox.send(frame);
    return this.open;
  }

  /** Requests that wait for answers. */
  get pending(): number {
    return this.#pending.size;
  }

  #refuse(requestId: number, error: KelpieError): void {
    if (!this.#pending.refuse(requestId, error)) this.#events.refused(error);
  }

  #start(welcome: Welcome): void {
    this.#welcome = welcome;
    if (welcome.limits) this.#outbox.limit(welcome.limits.messageBytes);
    this.#watchSilence(msOf(welcome.maxSilence, MAX_SILENCE_MS));
    this.#beatEvery(msOf(welcome.heartbeatInterval, HEARTBEAT_MS));
    this.#publishes.restart(welcome);
    this.#events.welcome(welcome);
    // At once, so that the others need not wait an interval to see how the node does.
    this.#beat();
    this.#outbox.open();
    this.#settleWelcomed(true);
  }

  #beatEvery(intervalMs: number): void {
    this.#heartbeat = this.#clock.after(intervalMs, () => {
      this.#beat();
      this.#beatEvery(intervalMs);
    });
  }

  #beat(): void {
    const value = this.#events.heartbeat(this.#roundTripMs);
    this.#beatMs = this.#clock.now();
    this.#outbox.send({ $case: 'heartbeat', value });
  }

  #batch(batch: EventBatch): void {
    const { upTo } = batch;
    if (!upTo) return this.fail(new KelpieError('PROTOCOL', 'a batch came without its position'));
    const piece = this.#processing.begin(upTo, batch.events.length);
    const processed = this.#events.batch(batch);
    if (processed)
      processed.then(
        () => this.#finish(piece),
        (error: unknown) => this.fail(fromThrown(error)),
      );
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
    this.#silence();
    this.#heardMs = this.#clock.now();
    this.#checkSilence(ms);
  }

  /** A timer that looks when it rings: what comes in between costs it nothing. */
  #checkSilence(ms: number): void {
    const leftMs = this.#heardMs + ms - this.#clock.now();
    if (leftMs > 0) {
      this.#silence = this.#clock.after(leftMs, () => this.#checkSilence(ms));
      return;
    }
    const message = `the coordinator said nothing for ${ms / 1000} s`;
    this.fail(new KelpieError('UNAVAILABLE', message));
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
