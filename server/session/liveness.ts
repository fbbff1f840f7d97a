/** Whether a peer is alive: any frame proves it. */
import type { Cancel, Clock } from '../core/clock.js';
import { KelpieError } from '../core/errors.js';
import type { Times } from '../network/limits.js';

/** The error for a peer that has sent or taken nothing for too long. One that does neither is silent. */
export function faultOf(
  { stalledMs, silentMs }: { readonly stalledMs: number; readonly silentMs: number },
  { maxSilenceMs, heartbeatMs }: Pick<Times, 'maxSilenceMs' | 'heartbeatMs'>,
): KelpieError | undefined {
  const limit = `${maxSilenceMs / 1000} s`;
  if (silentMs > maxSilenceMs) {
    const message = `nothing was heard for ${limit}; send a Heartbeat every ${heartbeatMs / 1000} s`;
    return new KelpieError('SESSION_SILENT', message);
  }
  if (stalledMs <= maxSilenceMs) return undefined;
  const message = `the peer took nothing of its stream for ${limit}; read the stream all the time`;
  return new KelpieError('SESSION_STALLED', message);
}

/** The error for a peer that did not send its Hello in time. */
export function helloTimeout(ms: number): KelpieError {
  return new KelpieError('HELLO_TIMEOUT', `no Hello came within ${ms / 1000} s`);
}

export class Liveness {
  readonly #clock: Clock;
  #heardMs: number;
  /** The coordinator itself does not read the peer, so silence proves nothing. */
  #held = false;
  #readSinceMs: number;
  #question: { answered: Promise<boolean>; answer: (alive: boolean) => void } | undefined;

  /** The clock stands still while this process does not listen. */
  constructor(clock: Clock) {
    this.#clock = clock;
    this.#heardMs = clock.now();
    this.#readSinceMs = this.#heardMs;
  }

  heard(): void {
    this.#heardMs = this.#clock.now();
    this.#question?.answer(true);
  }

  /** The coordinator stops reading the peer. */
  pause(): void {
    this.#held = true;
  }

  resume(): void {
    this.#held = false;
    this.#readSinceMs = this.#clock.now();
  }

  /** Whether the coordinator read the peer all the time since then. If not, frames may lie unread. */
  readSince(ms: number): boolean {
    return !this.#held && this.#readSinceMs <= ms;
  }

  /** How long a peer that is read has sent nothing. */
  silentMs(): number {
    return this.#held ? 0 : this.#clock.now() - Math.max(this.#heardMs, this.#readSinceMs);
  }

  /**
   * Whether the peer sends a frame within `waitMs` of being read. A peer that is not read then counts as
   * alive. Questions at the same time share one answer.
   */
  answers(waitMs: number): Promise<boolean> {
    this.#question ??= this.#ask(waitMs);
    return this.#question.answered;
  }

  #ask(waitMs: number): { answered: Promise<boolean>; answer: (alive: boolean) => void } {
    let settle: (alive: boolean) => void = () => undefined;
    const answered = new Promise<boolean>((resolve) => (settle = resolve));
    const askedMs = this.#clock.now();
    let cancel: Cancel = () => undefined;
    const judge = (): void => {
      const leftMs = Math.max(askedMs, this.#readSinceMs) + waitMs - this.#clock.now();
      if (leftMs > 0 && !this.#held) cancel = this.#clock.after(leftMs, judge);
      else this.#question?.answer(this.#held);
    };
    cancel = this.#clock.after(waitMs, judge);
    const answer = (alive: boolean): void => {
      cancel();
      this.#question = undefined;
      settle(alive);
    };
    return { answered, answer };
  }

  /** The peer is gone. */
  stop(): void {
    this.#question?.answer(false);
  }
}
