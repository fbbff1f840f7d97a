/** The callers who watch one drain. Each gets the progress at once, then at most twice a second, and the end. */
import type { DrainStage } from '../../gen/ts/kelpie/v1/node_service.js';
import type { Node } from '../../gen/ts/kelpie/v1/node.js';
import type { Cancel, Clock } from '../core/clock.js';
import type { KelpieError } from '../core/errors.js';

/** The least time between two reports of progress. */
const INTERVAL_MS = 500;

/** The progress of a drain. */
export interface DrainProgress {
  readonly stage: DrainStage;
  readonly playersLeft: number;
  readonly playersMoved: number;
  readonly transfersFailed: number;
  /** The error of the last transfer that failed. */
  readonly lastError: KelpieError | undefined;
  readonly node: Node | undefined;
}

/** Hears of the progress of a drain. A stage other than MOVING is the last one. */
export type DrainWatcher = (progress: DrainProgress) => void;

export class DrainWatchers {
  readonly #clock: Clock;
  readonly #progressNow: () => DrainProgress;
  readonly #watchers = new Set<DrainWatcher>();
  #reportedMs = -Infinity;
  #timer: Cancel | undefined;

  constructor(clock: Clock, progressNow: () => DrainProgress) {
    this.#clock = clock;
    this.#progressNow = progressNow;
  }

  /** Reports the progress to the watcher, now and later. */
  add(watcher: DrainWatcher): Cancel {
    this.#watchers.add(watcher);
    this.#reportedMs = this.#clock.now();
    watcher(this.#progressNow());
    return () => {
      this.#watchers.delete(watcher);
      if (this.#watchers.size === 0) this.#stop();
    };
  }

  /** The progress changed: reports it, at once or when the interval is over. */
  changed(): void {
    if (this.#timer || this.#watchers.size === 0) return;
    const waitMs = Math.max(0, this.#reportedMs + INTERVAL_MS - this.#clock.now());
    this.#timer = this.#clock.after(waitMs, () => {
      this.#timer = undefined;
      this.#reportedMs = this.#clock.now();
      this.#report(this.#progressNow());
    });
  }

  /** Reports the end. */
  end(last: DrainProgress): void {
    this.#report(last);
    this.close();
  }

  /** Reports nothing more. */
  close(): void {
    this.#stop();
    this.#watchers.clear();
  }

  #report(progress: DrainProgress): void {
    for (const watcher of this.#watchers) watcher(progress);
  }

  #stop(): void {
    this.#timer?.();
    this.#timer = undefined;
  }
}
