/**
 * One stream to a coordinator, from Hello to its end. The client makes a new Link for each stream. The state that
 * outlives a stream (position, pending publishes, roster) belongs to the client.
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
import { networkMismatch, type Transport } from './transport.js';
import { timesOf } from './welcome.js';
import { Silence } from './silence.js';
import { Expiry } from './expiry.js';
import { HelloChanges } from './hello-changes.js';

/** How long a coordinator has to send Welcome. It may first wait 3 s for the present holder of the name. */
const WELCOME_MS = 10_000;

/** The events of a stream, for its client. */
export interface LinkEvents {
  welcome(welcome: Welcome): void;
  /** Takes a batch. Resolves when the batch is processed; undefined if it is processed already. */
  batch(batch: EventBatch): Promise<unknown> | undefined;
  /** Every event up to this cursor has arrived. */
  caughtUp(cursor: Cursor): void;
  /** Takes a frame that the client handles, and not the stream itself. */
  frame(frame: Answer): void;
  /** The next heartbeat; `roundTripMs` is undefined before the first HeartbeatAck. */
  heartbeat(roundTripMs: number | undefined): Heartbeat;
  refused(error: KelpieError): void;
  /** The credential ends so soon that somebody should replace it. */
  expiring(expiresInMs: number): void;
}

export class Link {
  readonly #events: LinkEvents;
  readonly #publishes: PublishQueue;
  readonly #clock: Clock;
  readonly #network: string | undefined;
  readonly #abort = new AbortController();
  readonly #outbox: Outbox;
  readonly #expiry: Expiry;
  #welcome: Welcome | undefined;
  #failure: KelpieError | undefined;
  #beatMs: number | undefined;
  #roundTripMs: number | undefined;
  readonly #silence: Silence;
  #heartbeat: Cancel = () => undefined;
  /** Stops the timer of `finish`. Set: Goodbye goes out when the requests have their answers. */
  #finishing: Cancel | undefined;
  /** A heartbeat goes out at the end of this turn. */
  #beating = false;
  /** The topics and commands that the coordinator has for this node. */
  readonly helloChanges = new HelloChanges((frame) => this.send(frame));
  readonly #pending = new Pending(() => this.#finishing && this.leave(GoodbyeReason.DRAINED));
  readonly #processing = new Processing();
  /** Another stream has taken the place of this one, which takes only the answers to its requests now. */
  #retired = false;
  #settleWelcomed: (open: boolean) => void = () => undefined;
  /** Resolves with true when the session is open, or with false if the stream ends before. */
  readonly welcomed = new Promise<boolean>((resolve) => (this.#settleWelcomed = resolve));

  /** `network`: the network that the program expects. */
  constructor(publishes: PublishQueue, clock: Clock, events: LinkEvents, network?: string) {
    this.#publishes = publishes;
    this.#clock = clock;
    this.#events = events;
    this.#network = network;
    this.#outbox = new Outbox(publishes);
    this.#silence = new Silence(clock, (error) => this.fail(error));
    this.#expiry = new Expiry(clock, (expiresInMs) => events.expiring(expiresInMs));
  }

  /** The limits of the coordinator; undefined before its Welcome. */
  get limits(): Limits | undefined {
    return this.#welcome?.limits;
  }

  get open(): boolean {
    return this.#welcome !== undefined && !this.#outbox.ended && !this.#abort.signal.aborted;
  }

  /** Runs until the stream ends. Returns its error, or undefined if it ended in order. */
  async run(transport: Transport, hello: Hello): Promise<KelpieError | undefined> {
    this.helloChanges.begin(hello);
    this.#outbox.send({ $case: 'hello', value: hello });
    this.#silence.begin(WELCOME_MS);
    try {
      for await (const response of transport(this.#outbox.messages(), this.#abort.signal)) {
        this.#silence.heard();
        for (const frame of response.frames) this.#receive(frame);
      }
      return this.#failure;
    } catch (error) {
      return this.#failure ?? fromThrown(error);
    } finally {
      this.#silence.end();
      this.#heartbeat();
      this.#finishing?.();
      this.#expiry.end();
      this.#pending.drop();
      this.#settleWelcomed(false);
      this.#abort.abort();
      this.#outbox.end();
    }
  }

  #receive({ requestId, frame }: CoordinatorFrame): void {
    switch (frame?.$case) {
      case 'requestFailed':
        return this.#refuse(requestId, fromWire(frame.value.error));
      case 'requestOk':
      case 'commandResult':
      case 'playerAcquired':
      case 'playersReported':
      case 'playersSynced':
      case 'transferUpdate':
      case 'slotsReserved':
      case 'value':
      case 'valueStored':
        return this.#pending.answer(requestId, frame);
      default:
        // A newer coordinator may send a frame that this version does not have: it arrives empty.
        if (frame && !this.#retired) this.#take(frame);
    }
  }

  /** Takes a frame that answers no request. */
  #take(frame: Answer): void {
    switch (frame.$case) {
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
        return this.#beatSoon();
      default:
        return this.#events.frame(frame);
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
   * Sends a frame that has no answer except a refusal. Returns false if no session is open. If the coordinator reads
   * nothing while it makes this node send more and more, the client breaks the stream.
   */
  send(frame: Frame): boolean {
    if (this.#outbox.full)
      this.fail(
        new KelpieError('UNAVAILABLE', 'the coordinator does not read the frames of this node'),
      );
    if (this.open) this.#outbox.send(frame);
    return this.open;
  }

  /** The number of requests that wait for answers. */
  get pending(): number {
    return this.#pending.size;
  }

  #refuse(requestId: number, error: KelpieError): void {
    if (!this.#pending.refuse(requestId, error) && !this.#retired) this.#events.refused(error);
  }

  #start(welcome: Welcome): void {
    if (this.#network !== undefined && welcome.network !== this.#network) {
      this.#failure = networkMismatch(this.#network, welcome.network);
      this.#retired = true;
      return this.leave(GoodbyeReason.STOP);
    }
    this.#welcome = welcome;
    if (welcome.limits) this.#outbox.limit(welcome.limits.messageBytes);
    const { maxSilenceMs, heartbeatIntervalMs } = timesOf(welcome);
    this.#silence.begin(maxSilenceMs);
    this.#beatEvery(heartbeatIntervalMs);
    this.#publishes.restart(welcome);
    this.#events.welcome(welcome);
    this.#expiry.begin(welcome.credentialExpiresIn && msOf(welcome.credentialExpiresIn, 0));
    // The first heartbeat goes out at once, so that others see the load without waiting for an interval.
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

  /** One heartbeat answers all requests that came in one turn. */
  #beatSoon(): void {
    if (this.#beating) return;
    this.#beating = true;
    setImmediate(() => {
      this.#beating = false;
      if (this.open && !this.#retired) this.#beat();
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

  /** An acknowledgement covers all events before it, so it waits until all earlier pieces are processed. */
  #finish(piece: Piece): void {
    const progress = this.#processing.finish(piece);
    if (!progress || this.#retired) return;
    this.#outbox.acknowledge(progress.upTo.sequence, progress.due);
  }

  #position({ cursor }: { cursor: SubscriptionUpdated['cursor'] }): void {
    if (cursor) this.#events.caughtUp(cursor);
  }

  /** Publishes wait to be sent. */
  wake(): void {
    this.#outbox.wake();
  }

  /** Sends Goodbye and ends the client's side of the stream. No frame follows. */
  leave(reason: GoodbyeReason): void {
    this.#finishing?.();
    this.#outbox.send({ $case: 'goodbye', value: { reason } });
    this.#outbox.end();
  }

  /** Another stream has taken the place of this one, which takes only the answers to its requests, and then ends. */
  retire(mostMs: number): void {
    this.#retired = true;
    this.#heartbeat();
    this.#outbox.hold();
    this.finish(mostMs);
  }

  /** Sends Goodbye when all requests have their answers, and after `mostMs` at the latest: later answers may be missing. */
  finish(mostMs: number): void {
    if (mostMs <= 0 || this.#pending.size === 0) return this.leave(GoodbyeReason.DRAINED);
    this.#finishing = this.#clock.after(mostMs, () => this.leave(GoodbyeReason.DRAINED));
  }

  /** Breaks the stream. */
  fail(error: KelpieError): void {
    this.#failure ??= error;
    this.#abort.abort();
  }
}
