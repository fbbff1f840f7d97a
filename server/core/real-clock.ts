/** The clock of the machine. Programs hand it to their parts. */
import { anyDelay, type Clock } from './clock.js';

export const realClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  after: anyDelay((delayMs, fire) => {
    const timer = setTimeout(fire, delayMs);
    timer.unref();
    return () => clearTimeout(timer);
  }),
};
