/** Planted in kelpied: each new epoch of the journal in memory begins with the same sequence. */
import { realClock } from '../../../server/core/real-clock.js';
import { method } from './method.js';

method(realClock, 'wall', (wall) => {
  const startMs = wall();
  return () => 1000 + wall() - startMs;
});
