/**
 * The subscriptions of a node, and their handlers. A subscription gives its handler one event at a time, in order. A
 * slow handler delays the acknowledgement of its events, up to the window, but not the handlers of other subscriptions.
 */
import type { Event } from '../../gen/ts/kelpie/v1/event.js';
import { type Cancel, type Clock, systemClock } from '../core/clock.js';
import { callback } from '../core/arguments.js';
import { KelpieError } from '../errors.js';
import { received, type ReceivedEvent } from './received.js';
import { checkPattern, matches } from './topic.js';

/**
 * Handles an event. It may return a promise: the next event of the subscription waits for it. `status()` reports what
 * a handler throws.
 */
export type Handler = (event: ReceivedEvent) => void | PromiseLike<void>;

/** The most topics whose lanes are cached. */
const TOPICS = 4096;

/** A subscription that runs. */
export interface Subscription {
  readonly pattern: string;
  /** No further event reaches the handler. Safe to call again. */
  close(): void;
}

/** The functions and settings that the subscriptions get from the client. */
export interface SubscriptionsOptions {
  readonly clock?: Clock;
  readonly handlerTimeoutMs: number;
  /** The node whose inbox can be read. */
  readonly node: string;
  /** The patterns have changed. */
  readonly onPatterns: () => void;
  readonly onFailure: (pattern: string, error: unknown) => void;
}

export class Subscriptions {
  readonly #options: SubscriptionsOptions;
  readonly #all = new Set<Lane>();
  /** The timers of handlers that run. */
  readonly #timers = new Set<Cancel>();
  /** A cache: the lanes of each topic that has come. */
  readonly #lanes = new Map<string, readonly Lane[]>();
  /** The number of subscriptions of each pattern. */
  readonly #wanted = new Map<string, number>();

  constructor(options: SubscriptionsOptions) {
    this.#options = options;
  }

  /** The patterns for the coordinator. It sends a node the events of its own inbox without a pattern. */
  get patterns(): string[] {
    return [...this.#wanted.keys()].filter((pattern) => !pattern.startsWith('inbox.'));
  }

  /** Throws TOPIC_INVALID or TOPIC_RESERVED for the pattern, VALUE_INVALID for the handler. */
  add(given: string, handler: Handler): Subscription {
    const pattern = checkPattern(given, this.#options.node);
    callback('the handler', handler);
    const lane = new Lane(pattern, handler, this.#options, this.#timers);
    this.#all.add(lane);
    this.#lanes.clear();
    this.want(pattern);
    const close = (): void => {
      lane.closed = true;
      this.#lanes.clear();
      if (this.#all.delete(lane)) this.unwant(pattern);
    };
    return { pattern, close };
  }

  /** Adds a pattern without a handler: the client itself needs its events. */
  want(pattern: string): void {
    const count = this.#wanted.get(pattern) ?? 0;
    this.#wanted.set(pattern, count + 1);
    if (count === 0) this.#options.onPatterns();
  }

  /** Takes back one `want`. */
  unwant(pattern: string): void {
    const count = (this.#wanted.get(pattern) ?? 0) - 1;
    if (count > 0) {
      this.#wanted.set(pattern, count);
      return;
    }
    this.#wanted.delete(pattern);
    this.#options.onPatterns();
  }

  /**
   * Gives an event to its handlers. Resolves when all have settled; undefined if they have settled already, or if there
   * are none. Most handlers do not wait for anything, and then an event costs no promise.
   */
  deliver(event: Event): Promise<unknown> | undefined {
    const lanes = this.#lanesOf(event.topic);
    if (lanes.length === 0) return undefined;
    const given = received(event);
    const running = lanes.map((lane) => lane.run(given)).filter((one) => one !== undefined);
    return running.length > 0 ? Promise.all(running) : undefined;
  }

  /** No further event reaches a handler, and no timer waits for one. */
  close(): void {
    for (const lane of this.#all) lane.closed = true;
    for (const cancel of this.#timers) cancel();
  }

  #lanesOf(topic: string): readonly Lane[] {
    let lanes = this.#lanes.get(topic);
    if (!lanes) {
      if (this.#lanes.size >= TOPICS) this.#lanes.clear();
      lanes = [...this.#all].filter(({ pattern }) => matches(pattern, topic));
      this.#lanes.set(topic, lanes);
    }
    return lanes;
  }
}

/** The events of one subscription, one after the other. */
class Lane {
  readonly pattern: string;
  readonly #handler: Handler;
  readonly #options: SubscriptionsOptions;
  readonly #timers: Set<Cancel>;
  /** The handling that the next event must wait for. */
  #last: Promise<void> | undefined;
  /** A closed lane drops the events that still wait. */
  closed = false;

  constructor(
    pattern: string,
    handler: Handler,
    options: SubscriptionsOptions,
    timers: Set<Cancel>,
  ) {
    this.#timers = timers;
    this.pattern = pattern;
    this.#handler = handler;
    this.#options = options;
  }

  /** Resolves when the handler has settled; undefined if it has settled already. */
  run(event: ReceivedEvent): Promise<void> | undefined {
    const running = this.#last ? this.#last.then(() => this.#handle(event)) : this.#handle(event);
    if (!running) return undefined;
    this.#last = running;
    void running.then(() => {
      if (this.#last === running) this.#last = undefined;
    });
    return running;
  }

  #handle(event: ReceivedEvent): Promise<void> | undefined {
    if (this.closed) return undefined;
    try {
      const result = this.#handler(event);
      return isThenable(result) ? this.#settle(result) : undefined;
    } catch (error) {
      this.#options.onFailure(this.pattern, error);
      return undefined;
    }
  }

  async #settle(result: PromiseLike<void>): Promise<void> {
    const { clock = systemClock, handlerTimeoutMs, onFailure } = this.#options;
    let cancel: Cancel = () => undefined;
    try {
      const late = new Promise<never>((_, reject) => {
        const message = `the handler of "${this.pattern}" did not settle within ${handlerTimeoutMs} ms`;
        const fail = (): void => reject(new KelpieError('HANDLER_TIMEOUT', message));
        cancel = clock.after(handlerTimeoutMs, fail);
        this.#timers.add(cancel);
      });
      await Promise.race([result, late]);
    } catch (error) {
      onFailure(this.pattern, error);
    } finally {
      cancel();
      this.#timers.delete(cancel);
    }
  }
}

/** Whether a handler returned a promise. */
function isThenable(result: unknown): result is PromiseLike<void> {
  return typeof (result as Partial<PromiseLike<void>> | null | undefined)?.then === 'function';
}
