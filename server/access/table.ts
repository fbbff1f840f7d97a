/**
 * The one table of rights: which rights each frame of a session and each call needs. The session asks it for each
 * frame, and the edge for each call, before anything is looked up: so a missing right does not show what exists.
 */
import type { NodeFrame } from '../../gen/ts/kelpie/v1/session_service.js';
import type { Access } from './access.js';
import { calls, joinTokenCalls } from './calls.js';
import { joinTokenShown } from './errors.js';
import { frames } from './frames.js';
import type { Refusal } from '../commands/targets.js';
import { publishing, readingPlayerId, type RightLimits, targeting } from './needs.js';
import { rightMissing } from './rights.js';

const UPDATE_PLAYERS = { kind: 'verb', verb: 'UPDATE_PLAYERS' } as const;

/**
 * Throws RIGHT_MISSING unless the node `name` may send the frame, or an error if the request names something that
 * cannot be. Events are asked for one by one, see `checkPublish`.
 */
export function checkFrame(
  frame: NodeFrame['frame'],
  name: string,
  access: Access,
  limits: RightLimits,
): void {
  // The session answers an empty frame itself.
  if (!frame) return;
  const needs = frames[frame.$case] as (typeof frames)['hello'];
  access.require(...needs(frame.value as never, limits, name));
}

/** Throws RIGHT_MISSING unless the peer may publish to the topic, which is a valid one. */
export function checkPublish(topic: string, access: Access): void {
  access.require(publishing(topic));
}

/**
 * Throws RIGHT_MISSING unless the peer may change a player who is neither its own nor on it. A peer that may read the
 * player may see that they are not online.
 */
export function checkUpdateOfOther(playerId: string, isOnline: boolean, access: Access): void {
  if (isOnline || !access.may(readingPlayerId(playerId))) access.require(UPDATE_PLAYERS);
}

/** Why the peer may not ask a node by a command; undefined: they may. */
export function refusalOf(access: Access): Refusal {
  return (node) => {
    const right = targeting(node);
    return access.may(right) ? undefined : rightMissing(right);
  };
}

/**
 * As `checkFrame`, for a call of the method with this path. A session is a call too. Throws CREDENTIAL_REQUIRED for a
 * join token that is not good for the call.
 */
export function checkCall(
  path: string,
  request: unknown,
  access: Access,
  limits: RightLimits,
): void {
  const needs = calls.get(path);
  // A method without a row is a fault of the coordinator, and nobody may call it.
  if (!needs) throw new Error(`the table of rights has no row for ${path}`);
  if (access.joinToken && !joinTokenCalls.has(path)) throw joinTokenShown();
  access.require(...needs(request as never, limits));
}
