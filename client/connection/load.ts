/** The load of a node, as its program measures it. */
import { NodeLoad } from '../../gen/ts/kelpie/v1/node.js';
import { amount, invalid, object, whole } from '../core/arguments.js';

/** The load of a node. The node does not report a value that is left out; 0 is a value. */
export interface Load {
  /** Ticks a second. */
  readonly tps?: number;
  /** The memory in use, in bytes. */
  readonly memoryUsedBytes?: number;
  /** The memory that the process may use, in bytes. */
  readonly memoryMaxBytes?: number;
}

/** A larger number of ticks a second is not a measurement. */
const MOST_TPS = 1_000_000;

/** The load that the program's function returns. An error of the function must not stop the heartbeats. */
export function measuredLoad(
  measure: (() => Load) | undefined,
  roundTripMs: number | undefined,
  onFailure: (error: unknown) => void,
): NodeLoad | undefined {
  try {
    const load = checkedLoad(measure?.());
    const measured = roundTripMs !== undefined && { roundTripMs: Math.round(roundTripMs) };
    return load && NodeLoad.create({ ...load, ...measured });
  } catch (error) {
    onFailure(error);
    return undefined;
  }
}

/** Throws VALUE_INVALID or OUT_OF_RANGE. */
export function checkedLoad(given: unknown): Load | undefined {
  if (given === undefined) return undefined;
  const { tps, memoryUsedBytes, memoryMaxBytes, then } = object('load', given) as Load & {
    then?: unknown;
  };
  if (then !== undefined)
    throw invalid('load is a promise; the function must return the load itself', 'load');
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
