/**
 * The times in which the process of the run itself stood still, because the machine gave it no turn. Nothing that should
 * have come meanwhile is late: it lay unread in the sockets.
 */
import { performance } from 'node:perf_hooks';
import type { Recorder } from './recorder.js';
import { type History, ofKind } from './steps.js';

const LOOK_MS = 100;
/** A longer time between two looks is a stall. */
const STALL_MS = 500;

/** Records stalls until the returned function is called. */
export function recordStalls(recorder: Recorder): () => void {
  let lookedMs = performance.now();
  const timer = setInterval(() => {
    const ms = performance.now() - lookedMs;
    lookedMs += ms;
    if (ms > STALL_MS) recorder.record('test', { kind: 'stalled', ms });
  }, LOOK_MS);
  return () => clearInterval(timer);
}

/** Returns a function: how long the run stood still within a time. */
export function stallsOf(history: History): (fromMs: number, toMs: number) => number {
  const stalls = ofKind(history, 'stalled');
  return (fromMs, toMs) =>
    stalls
      .map(({ atMs, ms }) => Math.max(0, Math.min(atMs, toMs) - Math.max(atMs - ms, fromMs)))
      .reduce((sum, one) => sum + one, 0);
}
