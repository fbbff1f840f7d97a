/** The load of a node, as its program measures it. */
import { amount, invalid, object, whole } from '../core/arguments.js';

/** The node does not report a value that is left out; 0 is a value. */
export interface Load {
  /** Ticks a second. */
  readonly tps?: number;
  /** The memory in use, in bytes. */
  readonly memoryUsedBytes?: number;
  /** The memory that the process may use, in bytes. */
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
