/** The shared values of a client, over each of its streams. */
import type { Clock } from './core/clock.js';
import type { Link } from './connection/link.js';
import type { Reading } from './reading.js';
import { State } from './state/state.js';

/** The parts that a client gives to its shared values. */
interface OwnValuesParts {
  readonly clock: Clock;
  readonly reading: Reading;
  readonly session: {
    readonly name: string;
    readonly graceMs: number;
    usableLink(): Link;
    checkTopic(pattern: string): void;
  };
}

export function valuesOf({ clock, reading, session }: OwnValuesParts): State {
  return new State({
    clock,
    name: () => session.name,
    link: () => session.usableLink(),
    graceMs: () => session.graceMs,
    watch: (pattern, handler, onLoaded) => {
      session.checkTopic(pattern);
      return reading.watch(pattern, handler, onLoaded);
    },
  });
}
