/** The drain of a node: its request and its progress, in the form of programs and in the form of the contract. Pure. */
import type { DrainNodeRequest, DrainNodeResponse } from '../../gen/ts/kelpie/v1/node_service.js';
import { amount, text } from '../core/arguments.js';
import { durationOf } from '../core/duration.js';
import { type Fields, known } from '../core/known.js';
import { type Node, nodeOf } from '../core/node.js';
import { drainStageNameOf, type DrainStageName } from '../core/spelling.js';
import { fromWire, type KelpieError } from '../errors.js';
import { type Destination, destinationOf } from './destination.js';

/** How a node is drained. */
export interface DrainOptions {
  /**
   * The place that players are moved to. Default: for a server where the routing rules send them, for a proxy another
   * proxy.
   */
  readonly to?: Destination;
  /** How many players are moved each second: 0.001 to 1,000. Default 5. */
  readonly playersPerSecond?: number;
  /** After how many milliseconds the drain stops moving players: at most 24 h. Default 600,000 (10 min). */
  readonly deadlineMs?: number;
}

/** The progress of a drain. */
export interface DrainProgress {
  /** EMPTY, DEADLINE_PASSED, CANCELLED and NODE_LEFT are the last stage. */
  readonly stage: DrainStageName;
  /** How many players are still on the node, those who log in at it included. */
  readonly playersLeft: number;
  /** How many players arrived elsewhere. */
  readonly playersMoved: number;
  /** How many transfers failed. The coordinator tries a player again later. */
  readonly transfersFailed: number;
  /** The error of the last transfer that failed. */
  readonly lastError?: KelpieError;
  /** The node; undefined if it has left. */
  readonly node: Node | undefined;
}

const FIELDS: Fields<DrainOptions> = { to: 1, playersPerSecond: 1, deadlineMs: 1 };
const LOWEST_RATE = 0.001;
const HIGHEST_RATE = 1000;
const LONGEST_MS = 86_400_000;

/** A copy. Throws VALUE_INVALID or OUT_OF_RANGE. */
export function drainRequestOf(name: string, options: DrainOptions): DrainNodeRequest {
  const given = known('the options object of a drain', options, FIELDS);
  const { to, playersPerSecond, deadlineMs } = given;
  return {
    name: text('name', name),
    destination: to === undefined ? undefined : destinationOf(to),
    playersPerSecond:
      playersPerSecond === undefined
        ? 0
        : amount('playersPerSecond', playersPerSecond, LOWEST_RATE, HIGHEST_RATE),
    deadline:
      deadlineMs === undefined
        ? undefined
        : durationOf(amount('deadlineMs', deadlineMs, 1, LONGEST_MS)),
  };
}

/** The progress in the form of programs. */
export function drainProgressOf({
  stage,
  lastError,
  node,
  ...counts
}: DrainNodeResponse): DrainProgress {
  return {
    stage: drainStageNameOf(stage),
    ...counts,
    ...(lastError && { lastError: fromWire(lastError) }),
    node: node && nodeOf(node),
  };
}
