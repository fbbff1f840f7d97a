/** The real clock, for tests that do not test time. */
import type { Clock } from '../../../server/core/clock.js';

export const realClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  after: (delayMs, fire) => {
    const timer = setTimeout(fire, delayMs);
    return () => clearTimeout(timer);
  },
};
