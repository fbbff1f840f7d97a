/**
 * Refused sessions in the log. A peer decides how often it is refused, so a few of its refusals have a line
 * each, and the rest of ten seconds has one line with their count.
 */
import type { Cancel, Clock } from '../core/clock.js';
import { cutText } from '../core/text.js';
import type { Logger } from './log.js';

export interface Refusal {
  readonly name: string | undefined;
  readonly host: string;
  readonly reason: string;
}

const WINDOW_MS = 10_000;
/** Of one reason from one host, in a window. */
const LINES = 5;
/** Pairs of reason and host in a window. What comes from more of them is counted together. */
const MOST_KINDS = 200;
/** Longer names, which are refused anyway, are cut. */
const NAME_LENGTH = 64;

export class RefusalLog {
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #counts = new Map<string, { readonly facts: object; count: number }>();
  #others = 0;
  #cancel: Cancel | undefined;

  constructor(logger: Logger, clock: Clock) {
    this.#logger = logger;
    this.#clock = clock;
  }

  refused({ name, host, reason }: Refusal): void {
    this.#cancel ??= this.#clock.after(WINDOW_MS, () => this.close());
    const key = `${reason} ${host}`;
    const kind = this.#counts.get(key) ?? { facts: { host, reason }, count: 0 };
    if (kind.count === 0 && this.#counts.size === MOST_KINDS) {
      this.#others += 1;
      return;
    }
    kind.count += 1;
    this.#counts.set(key, kind);
    if (kind.count > LINES) return;
    this.#logger.warn(
      { node: name && cutText(name, NAME_LENGTH), host, reason },
      'session refused',
    );
  }

  /** Says what has had no line. */
  close(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    const message = 'sessions refused beside those that have a line';
    for (const { facts, count } of this.#counts.values()) {
      if (count > LINES) this.#logger.warn({ ...facts, count: count - LINES }, message);
    }
    if (this.#others > 0) this.#logger.warn({ host: 'others', count: this.#others }, message);
    this.#counts.clear();
    this.#others = 0;
  }
}
