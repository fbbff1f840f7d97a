/**
 * Time and chance of a simulation. All that takes time is a timer of one fake clock, and each choice comes from one
 * generator: so the seed decides everything that happens, and its order.
 */
import { FakeClock } from '../support/clock/fake-clock.js';
import { Choices } from '../history/random.js';
import { quiet } from './turns.js';

/** A shortest and a longest time. */
export type Span = readonly [fromMs: number, toMs: number];

export class Scheduler {
  readonly clock = new FakeClock();
  readonly choices: Choices;

  constructor(seed: number) {
    this.choices = new Choices(seed);
  }

  get nowMs(): number {
    return this.clock.now();
  }

  /** A time within the span. */
  within([fromMs, toMs]: Span): number {
    return fromMs + this.choices.below(toMs - fromMs + 1);
  }

  /** True in so many of a hundred cases. */
  chance(percent: number): boolean {
    return this.choices.below(100) < percent;
  }

  /** Does the work after a time within the span. */
  later(span: Span, work: () => void): void {
    this.clock.after(this.within(span), work);
  }

  /** Bytes that repeat with the seed. */
  bytes(count: number): Buffer {
    return Buffer.from(Array.from({ length: count }, () => this.choices.below(256)));
  }

  /** Time passes: timer by timer, and all that one brings happens before the next one fires. */
  async pass(ms: number): Promise<void> {
    const endMs = this.nowMs + ms;
    await quiet();
    while (this.clock.step(endMs)) await quiet();
    this.clock.advance(endMs - this.nowMs);
  }
}
