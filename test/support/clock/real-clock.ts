/** The clock of processes that are no test of time. */
import type { Clock } from '../../../server/core/clock.js';

export const realClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  after: (delayMs, ring) => {
    const timer = setTimeout(ring, delayMs);
    return () => clearTimeout(timer);
  },
};
