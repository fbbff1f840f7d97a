/** Stops a pending timer. Calling it again, or after it fired, does nothing. */
export type Cancel = () => void;

/**
 * Time as a parameter, so that tests can control it. All code that decides by time asks a Clock;
 * `coordinator.ts` passes the real one in.
 */
export interface Clock {
  /** Milliseconds since some start. Never runs back. All durations are measured with it. */
  now(): number;
  /**
   * Milliseconds since 1970 by the machine's calendar clock, which may jump. For display, for age
   * in retention and `since`, for the floor of a new epoch's sequence, and to decide which of two logins without
   * a grant is newer. For nothing else.
   */
  wall(): number;
  /** Calls `fire` once after `delayMs`, which may be of any length. Does not keep the process alive. */
  after(delayMs: number, fire: () => void): Cancel;
}

/** The longest wait of one timer of the runtime, 24.8 days. The runtime fires a longer timer at once. */
const TIMER_MS = 2 ** 31 - 1;

/** Makes waits of any length from timers that cannot wait longer than TIMER_MS. */
export function anyDelay(timer: Clock['after']): Clock['after'] {
  return (delayMs, fire) => {
    let cancel = (): void => undefined;
    const wait = (leftMs: number): void => {
      const rest = leftMs - TIMER_MS;
      cancel = rest > 0 ? timer(TIMER_MS, () => wait(rest)) : timer(leftMs, fire);
    };
    wait(delayMs);
    return () => cancel();
  };
}

/** Calls `work` again and again, `intervalMs` apart, until it is cancelled. */
export function every(clock: Clock, intervalMs: number, work: () => void): Cancel {
  let cancel = (): void => undefined;
  const again = (): void => {
    cancel = clock.after(intervalMs, () => {
      work();
      again();
    });
  };
  again();
  return () => cancel();
}
