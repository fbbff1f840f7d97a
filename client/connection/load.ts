/** How a node does, as its program says it. */
import { amount, invalid, object, whole } from '../core/arguments.js';

/** What is left out is not said. */
export interface Load {
  /** Ticks a second. */
  readonly tps?: number;
  readonly memoryUsedBytes?: number;
  readonly memoryMaxBytes?: number;
}

/** More ticks a second are no measurement. */
const MOST_TPS = 1_000_000;

/** Throws VALUE_INVALID or OUT_OF_RANGE. */
export function checkedLoad(given: unknown): Load | undefined {
  if (given === undefined) return undefined;
  const { tps, memoryUsedBytes, memoryMaxBytes, then } = object('load', given) as Load & {
    then?: unknown;
  };
  if (then !== undefined) throw invalid('load is a promise; it must be there at once', 'load');
  return {
    ...(tps !== undefined && { tps: amount('load.tps', tps, 0, MOST_TPS) }),
    ...(memoryUsedBytes !== undefined && {
      memoryUsedBytes: whole('load.memoryUsedBytes', memoryUsedBytes),
    }),
    ...(memoryMaxBytes !== undefined && {
      memoryMaxBytes: whole('load.memoryMaxBytes', memoryMaxBytes),
    }),
  };
}
