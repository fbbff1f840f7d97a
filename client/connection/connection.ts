/**
 * Keeps one stream to a coordinator: opens a new one whenever the stream ends, and moves to another coordinator without
 * a break when its own coordinator is about to stop.
 */
import { type Drain, GoodbyeReason } from '../../gen/ts/kelpie/v1/session_service.js';
import { backoffMs } from '../core/backoff.js';
import type { Clock } from '../core/clock.js';
import { msOf } from '../core/duration.js';
import type { KelpieError } from '../errors.js';
import type { Link } from './link.js';
import type { Route } from './transport.js';

/** A stream that lived this long was healthy: the next attempt does not wait. */
const HEALTHY_MS = 10_000;

/** How often the client looks whether somebody has replaced a refused token. */
const RENEWED_MS = 500;

/** If a coordinator asks for a longer wait than this, the client still waits only this long. */
const LONGEST_RETRY_AFTER_MS = 5 * 60_000;

/** If a coordinator that stops names no times, it waits this long for new streams, and for its nodes to leave. */
const WINDOW_MS = 1000;
const GRACE_MS = 10_000;
/** A stream that the client leaves waits at most this long for its answers, also if the coordinator names more. */
const LONGEST_GRACE_MS = 60_000;

/** The events of a connection. */
export type ConnectionStatus =
  /** An attempt begins; `attempt` counts from 0 after a healthy stream. */
  | { readonly type: 'connecting'; readonly endpoint: string; readonly attempt: number }
  /** The stream is gone, or an attempt failed. The client makes the next attempt after `retryInMs`. */
  | {
      readonly type: 'disconnected';
      readonly error: KelpieError | undefined;
      readonly retryInMs: number;
    };

/** A stream that the client has begun to open. */
export interface Stream {
  readonly link: Link;
  /** Resolves when the stream has ended: with its error, or undefined if it ended in order. */
  readonly ended: Promise<KelpieError | undefined>;
}

interface OpenStream extends Stream {
  readonly route: Route;
  /** Resolves when another stream has taken the place of this one. */
  readonly replaced: Promise<undefined>;
  readonly replace: () => void;
}

/** The functions and settings that a connection gets from its client. */
export interface ConnectionOptions {
  readonly clock: Clock;
  readonly routes: readonly Route[];
  readonly open: (route: Route) => Stream;
  /** Whether the client ends with this error: no later attempt can help, or none should be made. */
  readonly isFinal: (error: KelpieError | undefined) => boolean;
  readonly longestBackoffMs: () => number;
  readonly post: (status: ConnectionStatus) => void;
}

export class Connection {
  readonly #options: ConnectionOptions;
  #current: OpenStream | undefined;
  /** A second stream, opened beside the current one. It becomes the current one at its Welcome. */
  #successor: OpenStream | undefined;
  /** The link whose coordinator sent Drain. A second Drain changes nothing. */
  #leaving: Link | undefined;
  /** Whether the node keeps the stream to that coordinator if no other one welcomes it. */
  #mayStay = false;
  /** When the present move must be over, by the clock. */
  #leaveByMs = 0;
  /** The streams that another one has replaced, until they have ended. */
  readonly #retired = new Set<OpenStream>();
  #turn = 0;
  #closed = false;
  readonly #wakeUps = new Set<() => void>();
  /** The earliest next attempt on each route whose coordinator asked for a wait. */
  readonly #notBefore = new Map<Route, number>();

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  get link(): Link | undefined {
    return this.#current?.link;
  }

  /** The endpoint of the present stream, or of the next attempt. */
  get endpoint(): string {
    return (this.#current?.route ?? this.#upcoming).endpoint;
  }

  /** The number of requests that wait for answers. */
  get pending(): number {
    return [...this.#streams, ...this.#retired].reduce((sum, { link }) => sum + link.pending, 0);
  }

  /** Runs until `close`, or until a final error, which it returns. */
  async run(): Promise<KelpieError | undefined> {
    const error = await this.#untilFinal();
    if (error) for (const { link } of this.#retired) link.fail(error);
    await Promise.all([...this.#retired].map(({ ended }) => ended));
    return error;
  }

  async #untilFinal(): Promise<KelpieError | undefined> {
    const { clock } = this.#options;
    for (let attempt = 0; !this.#closed;) {
      const startedMs = clock.now();
      const error = await this.#untilBroken(attempt);
      if (this.#options.isFinal(error)) return error;
      this.#heed(error);
      attempt = clock.now() - startedMs > HEALTHY_MS ? 0 : attempt + 1;
      await this.#rest(error, attempt);
    }
    return undefined;
  }

  /** The wait that a coordinator asks for holds for its own route, not for the others. */
  #heed(error: KelpieError | undefined): void {
    const route = this.#current?.route;
    if (!route || !(error?.retryAfterMs && error.retryAfterMs > 0)) return;
    const waitMs = Math.min(error.retryAfterMs, LONGEST_RETRY_AFTER_MS);
    this.#notBefore.set(route, this.#options.clock.now() + waitMs);
  }

  /** Waits before an attempt. */
  #rest(error: KelpieError | undefined, attempt: number): Promise<void> | undefined {
    if (this.#closed) return undefined;
    const { clock, longestBackoffMs, post } = this.#options;
    const askedMs = (this.#notBefore.get(this.#upcoming) ?? 0) - clock.now();
    const backoff = backoffMs(attempt, longestBackoffMs(), () => clock.random());
    // The back-off comes on top: else all clients that were asked for the same wait would come at the same moment.
    const retryInMs = Math.max(0, askedMs) + backoff;
    post({ type: 'disconnected', error, retryInMs });
    return this.#wait(retryInMs);
  }

  /** Waits before an attempt, but no longer than until somebody has replaced the refused token. */
  async #wait(ms: number): Promise<void> {
    const { renewed } = this.#upcoming;
    if (!renewed) return this.#pause(ms);
    for (let leftMs = ms; leftMs > 0 && !this.#closed; leftMs -= RENEWED_MS) {
      if (renewed()) {
        this.#notBefore.clear();
        return;
      }
      await this.#pause(Math.min(leftMs, RENEWED_MS));
    }
  }

  async #untilBroken(attempt: number): Promise<KelpieError | undefined> {
    const route = this.#nextRoute();
    this.#options.post({ type: 'connecting', endpoint: route.endpoint, attempt });
    this.#current = this.#open(route);
    for (;;) {
      const stream: OpenStream = this.#current;
      const error = await Promise.race([stream.ended, stream.replaced]);
      // The stream has ended, but a successor that is under way may still take its place.
      await this.#successor?.link.welcomed;
      if (this.#current === stream) return error;
    }
  }

  #nextRoute(): Route {
    const route = this.#upcoming;
    this.#turn += 1;
    return route;
  }

  get #upcoming(): Route {
    const { routes } = this.#options;
    const route = routes[this.#turn % routes.length];
    if (!route) throw new Error('a client has at least one route');
    return route;
  }

  #open(route: Route): OpenStream {
    let replace = (): void => undefined;
    const replaced = new Promise<undefined>((resolve) => (replace = () => resolve(undefined)));
    return { ...this.#options.open(route), route, replaced, replace };
  }

  /** A stream is open. If it is the successor, it takes the place of the older one, which ends. */
  welcomed(link: Link): void {
    if (this.#successor?.link !== link) return;
    const former = this.#current;
    this.#current = this.#successor;
    this.#successor = undefined;
    if (!former) return;
    this.#retired.add(former);
    void former.ended.then(() => this.#retired.delete(former));
    former.replace();
    if (!this.#closed) former.link.retire(this.#leaveByMs - this.#options.clock.now());
  }

  /**
   * Leaves a coordinator that is about to stop: opens a stream to another coordinator first, then ends the old one. If
   * no other coordinator accepts the node, it ends the old stream all the same, and `run` connects again. If the old
   * stream breaks meanwhile, the attempt that is under way is the last one here, and `run` waits for its Welcome.
   * `movable`: another coordinator can go on where this one stops. If the node may stay, it keeps the old stream instead.
   */
  async move(from: Link, drain: Drain, movable: boolean): Promise<void> {
    const { grace, reconnectWindow, mayStay } = drain;
    if (this.#leaving === from) {
      // The coordinator could not reach its storage, and now it stops.
      this.#mayStay &&= mayStay;
      return;
    }
    const { clock } = this.#options;
    this.#leaving = from;
    this.#mayStay = mayStay;
    this.#leaveByMs = clock.now() + Math.min(msOf(grace, GRACE_MS), LONGEST_GRACE_MS);
    const elsewhere = movable ? this.#options.routes.length - 1 : 0;
    if (elsewhere > 0) await this.#pause(clock.random() * msOf(reconnectWindow, WINDOW_MS));
    // A later stream may have got a Drain of its own meanwhile.
    if ((await this.#follow(from, elsewhere)) || this.#leaving !== from) return;
    if (this.#mayStay) this.#leaving = undefined;
    else if (this.#stays(from)) from.finish(this.#leaveByMs - clock.now());
  }

  /** Opens a stream to one of the other coordinators. False: none of them accepts the node. */
  async #follow(from: Link, elsewhere: number): Promise<boolean> {
    const own = this.#current?.route;
    for (let tries = 0; tries < elsewhere && this.#stays(from); tries++) {
      const route = this.#nextRoute();
      this.#successor = this.#open(route === own ? this.#nextRoute() : route);
      if (await this.#successor.link.welcomed) return true;
      this.#successor = undefined;
    }
    return false;
  }

  #stays(from: Link): boolean {
    return this.link === from && from.open && !this.#closed;
  }

  /**
   * Makes no further attempt. The node leaves on all streams, also on one without a Welcome: the client cannot know
   * yet which of them the coordinators count as the node's session.
   */
  close(): void {
    this.#closed = true;
    for (const { link } of this.#streams) link.leave(GoodbyeReason.STOP);
    for (const { link } of this.#retired) link.leave(GoodbyeReason.DRAINED);
    for (const wakeUp of this.#wakeUps) wakeUp();
  }

  /** Breaks all streams, also a stream that the client has left and its coordinator has not ended yet. */
  fail(error: KelpieError): void {
    for (const { link } of [...this.#streams, ...this.#retired]) link.fail(error);
  }

  get #streams(): OpenStream[] {
    return [this.#current, this.#successor].filter((stream) => stream !== undefined);
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const wakeUp = (): void => {
        cancel();
        this.#wakeUps.delete(wakeUp);
        resolve();
      };
      const cancel = this.#options.clock.after(ms, wakeUp);
      this.#wakeUps.add(wakeUp);
    });
  }
}
