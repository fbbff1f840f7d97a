/** Commands as frames of a session's own lane. */
import { KelpieError } from '../core/errors.js';
import type { Handover, NodeResult } from '../commands/commands.js';
import {
  encodeFrame,
  encodeRequestFrame,
  type Frame,
  type FramePart,
  wireError,
} from '../delivery/frames.js';
import type { Offer } from './outbound.js';

/** What is around a request, and what waits with it. */
const REQUEST_BYTES = 256;

/** A request for the node of a session: made when it goes out, so that it says how much time is left then. */
export function requestOffer(handover: Handover): Offer {
  return {
    bytes: handover.bytes + REQUEST_BYTES,
    take: () => {
      const parts = handover.take();
      return parts && encodeRequestFrame(parts);
    },
    drop: () => handover.drop(),
  };
}

/** A frame that is nobody's loss. `onGone` hears that it does not wait any more. */
export function frameOffer(
  frame: Frame,
  requestId = 0,
  onGone: () => void = () => undefined,
): Offer {
  const part = encodeFrame(frame, requestId);
  const take = (): FramePart => {
    onGone();
    return part;
  };
  return { bytes: part.length, take, drop: onGone };
}

/** What a node said, as the issuer's frame. */
export function resultFrame({
  node,
  outcome,
  last,
}: NodeResult): Frame & { $case: 'commandResult' } {
  const said =
    outcome instanceof KelpieError
      ? ({ $case: 'error', value: wireError(outcome) } as const)
      : ({ $case: 'output', value: outcome } as const);
  return { $case: 'commandResult', value: { node, outcome: said, last } };
}

/** The result where its answer found no room with the issuer. */
export function unread(result: NodeResult): NodeResult {
  const message = 'the answer is lost: more came than the issuer reads';
  return { ...result, outcome: new KelpieError('COMMAND_LIMIT', message, { name: result.node }) };
}
