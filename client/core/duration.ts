/** Converts between the Durations of the wire and milliseconds. */
import type { Duration } from '../../gen/ts/google/protobuf/duration.js';

export function msOf(duration: Duration | undefined, defaultMs: number): number {
  return duration ? duration.seconds * 1000 + duration.nanos / 1e6 : defaultMs;
}

export function durationOf(ms: number): Duration {
  const nanos = Math.round((ms % 1000) * 1e6);
  // Rounding may give a whole second.
  return { seconds: Math.floor(ms / 1000) + Math.floor(nanos / 1e9), nanos: nanos % 1e9 };
}
