/** Time and chance as parameters, so that tests can hold them. */

/** Stops a pending timer. Calling it again, or after the ring, does nothing. */
export type Cancel = () => void;

export interface Clock {
  /** Milliseconds since some start. Never runs back. */
  now(): number;
  /** Calls `ring` once after `delayMs`, or 24 days if that is less. Keeps the process alive until then. */
  after(delayMs: number, ring: () => void): Cancel;
  /** From 0 to below 1: so that many clients do not act in step. */
  random(): number;
}

/** What a timer can wait; a longer one would ring at once. */
const LONGEST_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => performance.now(),
  after: (delayMs, ring) => {
    const timer = setTimeout(ring, Math.min(delayMs, LONGEST_MS));
    return () => clearTimeout(timer);
  },
  random: Math.random,
};
