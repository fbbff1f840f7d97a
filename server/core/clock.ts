/** Stops a pending timer. Calling it again, or after the ring, does nothing. */
export type Cancel = () => void;

/**
 * Time as a parameter, so that tests can hold it. Everything that decides by time asks a Clock;
 * `coordinator.ts` hands in the real one.
 */
export interface Clock {
  /** Milliseconds since some start. Never runs back; the only time that durations are made of. */
  now(): number;
  /**
   * Milliseconds since 1970 by the machine's calendar clock, which may jump. For display, for age
   * in retention and `since`, and for the floor of a new epoch's sequence; for nothing else.
   */
  wall(): number;
  /** Calls `ring` once after `delayMs` (0 to 2^31 - 1). Does not keep the process alive. */
  after(delayMs: number, ring: () => void): Cancel;
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
