/** Durations of the wire and milliseconds. */
import type { Duration } from '../gen/ts/google/protobuf/duration.js';

export function msOf(duration: Duration | undefined, defaultMs: number): number {
  return duration ? duration.seconds * 1000 + duration.nanos / 1e6 : defaultMs;
}

export function durationOf(ms: number): Duration {
  return { seconds: Math.floor(ms / 1000), nanos: Math.round((ms % 1000) * 1e6) };
}
