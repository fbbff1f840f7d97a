/** The turns for long work. The networks of a coordinator share them, as they share its event loop. */
import type { Clock } from '../core/clock.js';
import { SharedTurn } from '../core/fair-turn.js';
import { ReadingTurn } from './reading-turn.js';

export interface Turns {
  /** For lists and searches. */
  readonly searches: SharedTurn;
  /** For the lists and digests of players that proxies send. */
  readonly syncs: SharedTurn;
  /** For readers. */
  readonly reading: ReadingTurn;
}

export function turnsBy(clock: Clock): Turns {
  return {
    searches: new SharedTurn(clock),
    syncs: new SharedTurn(clock),
    reading: new ReadingTurn(clock),
  };
}
