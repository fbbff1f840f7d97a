/** Converts between durations of the wire and milliseconds. */

/** google.protobuf.Duration. */
export interface WireDuration {
  seconds: number;
  nanos: number;
}

/** Milliseconds as a duration of the wire. */
export function durationOf(ms: number): WireDuration {
  return { seconds: Math.floor(ms / 1000), nanos: Math.round((ms % 1000) * 1e6) };
}

/** A duration of the wire as milliseconds. */
export function msOf({ seconds, nanos }: WireDuration): number {
  return seconds * 1000 + nanos / 1e6;
}
