/** Time and random numbers as parameters, so that tests can control them. */

/** Stops a pending timer. It does nothing if it is called again, or after the timer has fired. */
export type Cancel = () => void;

export interface Clock {
  /** Milliseconds since a fixed moment. They never decrease. */
  now(): number;
  /** Calls `run` once after `delayMs`, or after 24 days if that is less. Keeps the process alive until then. */
  after(delayMs: number, run: () => void): Cancel;
  /** A number from 0 to below 1. */
  random(): number;
}

/** The longest time that a timer can wait. A longer timer would fire at once. */
const LONGEST_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => performance.now(),
  after: (delayMs, run) => {
    const timer = setTimeout(run, Math.min(delayMs, LONGEST_MS));
    return () => clearTimeout(timer);
  },
  random: Math.random,
};
