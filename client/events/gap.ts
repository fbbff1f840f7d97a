/** Lost events in the form of programs. */
import type { Cursor } from '../../gen/ts/kelpie/v1/cursor.js';
import type { Gap as WireGap } from '../../gen/ts/kelpie/v1/stream.js';
import { gapReasonNameOf, type GapReasonName } from '../core/spelling.js';

/** A part of the history that this node will not receive. */
export interface Gap {
  /** The position that the node had. Everything after it … */
  readonly lostAfter: Cursor | undefined;
  /** … up to and with this position is lost. Delivery goes on after it. */
  readonly resumesAt: Cursor | undefined;
  readonly reason: GapReasonName;
  /** If the list is not empty, only events whose topics match one of these patterns are lost. */
  readonly topics: readonly string[];
}

export function gapOf({ lostAfter, resumesAt, reason, topics }: WireGap): Gap {
  return { lostAfter, resumesAt, reason: gapReasonNameOf(reason), topics };
}
