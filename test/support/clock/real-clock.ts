/** The clock of processes that are no test of time. */
import type { Clock } from '../../../server/core/clock.js';

export const realClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  after: (delayMs, fire) => {
    const timer = setTimeout(fire, delayMs);
    return () => clearTimeout(timer);
  },
};
