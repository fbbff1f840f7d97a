/**
 * One stream at a time, made again whenever it ends; and moved to another coordinator without a
 * break when its own is about to stop.
 */
import { GoodbyeReason } from '../../gen/ts/kelpie/v1/session_service.js';
import { backoffMs } from '../core/backoff.js';
import type { Clock } from '../core/clock.js';
import type { KelpieError } from '../errors.js';
import type { Link } from './link.js';
import type { Route } from './transport.js';

/** A stream that lived this long was healthy: the next attempt starts from no back-off. */
const HEALTHY_MS = 10_000;

/** A coordinator that asks for more time than this is asked again all the same. */
const LONGEST_RETRY_AFTER_MS = 5 * 60_000;

/** What happens to a connection. */
export type ConnectionStatus =
  /** An attempt begins; `attempt` counts from 0 after a healthy stream. */
  | { readonly type: 'connecting'; readonly endpoint: string; readonly attempt: number }
  /** The stream is gone, or an attempt failed. The client makes the next attempt after `retryInMs`. */
  | {
      readonly type: 'disconnected';
      readonly error: KelpieError | undefined;
      readonly retryInMs: number;
    };

/** A stream on its way. */
export interface Stream {
  readonly link: Link;
  /** Resolves with why it ended, or undefined if it ended in peace. */
  readonly ended: Promise<KelpieError | undefined>;
}

interface OpenStream extends Stream {
  readonly route: Route;
}

/** What a connection needs of its client. */
export interface ConnectionOptions {
  readonly clock: Clock;
  readonly routes: readonly Route[];
  readonly open: (route: Route) => Stream;
  /** Whether no later attempt can or should mend it. */
  readonly isFinal: (error: KelpieError | undefined) => boolean;
  readonly longestBackoffMs: () => number;
  readonly post: (status: ConnectionStatus) => void;
}

export class Connection {
  readonly #options: ConnectionOptions;
  #current: OpenStream | undefined;
  /** Opened beside the current one, which it takes the place of when it is welcomed. */
  #successor: OpenStream | undefined;
  /** The link that was told to go: told again, it is on its way already. */
  #leaving: Link | undefined;
  #turn = 0;
  #closed = false;
  readonly #wakeUps = new Set<() => void>();
  /** When those may be tried again that asked for time. */
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

  /** Runs until it is closed, or until an error that is final, which it returns. */
  async run(): Promise<KelpieError | undefined> {
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

  /** A coordinator that says when to come back means itself, not the others. */
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
    // On top of what was asked for: all who were asked for the same would come in step.
    const retryInMs = Math.max(0, askedMs) + backoff;
    post({ type: 'disconnected', error, retryInMs });
    return this.#pause(retryInMs);
  }

  async #untilBroken(attempt: number): Promise<KelpieError | undefined> {
    const route = this.#nextRoute();
    this.#options.post({ type: 'connecting', endpoint: route.endpoint, attempt });
    this.#current = this.#open(route);
    for (;;) {
      const stream: OpenStream = this.#current;
      const error = await stream.ended;
      // It may have been too late for the old stream, but not for the new one.
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
    return { ...this.#options.open(route), route };
  }

  /** A stream is open. If it is the successor, the older one has done its work. */
  welcomed(link: Link): void {
    if (this.#successor?.link !== link) return;
    const former = this.#current?.link;
    this.#current = this.#successor;
    this.#successor = undefined;
    if (!this.#closed) former?.retire();
  }

  /**
   * Leaves a coordinator that is about to stop: first the new stream, elsewhere, then the end of the
   * old one. Where nobody else welcomes it, it leaves all the same, and comes back. If the old stream
   * breaks meanwhile, the one that is under way is the last: whoever waits for its Welcome goes on.
   */
  async move(from: Link, windowMs: number, movable: boolean): Promise<void> {
    if (this.#leaving === from) return;
    this.#leaving = from;
    const stays = (): boolean => this.link === from && from.open && !this.#closed;
    const elsewhere = movable ? this.#options.routes.length - 1 : 0;
    if (elsewhere > 0) await this.#pause(this.#options.clock.random() * windowMs);
    for (let tries = 0; tries < elsewhere && stays(); tries++) {
      this.#successor = this.#open(this.#nextRoute());
      if (await this.#successor.link.welcomed) return;
      this.#successor = undefined;
    }
    if (stays()) from.leave(GoodbyeReason.DRAINED);
  }

  /**
   * No further attempt. The node leaves: on the stream that is on its way too, as nobody knows yet which
   * of them is the node's.
   */
  close(): void {
    this.#closed = true;
    for (const { link } of this.#streams) link.leave(GoodbyeReason.STOP);
    for (const wakeUp of this.#wakeUps) wakeUp();
  }

  /** Breaks off all streams, also a stream that the client has left and its coordinator has not ended yet. */
  fail(error: KelpieError): void {
    for (const { link } of this.#streams) link.fail(error);
    this.#leaving?.fail(error);
  }

  get #streams(): Stream[] {
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
