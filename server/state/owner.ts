/** The process that a value ends with. */
import { KelpieError } from '../core/errors.js';
import { cutText } from '../core/text.js';
import type { Requirement } from '../journal/journal.js';
import { notFound } from '../nodes/queries.js';
import type { NodeRows } from '../nodes/rows.js';

/** The session that writes a value. A call has none. */
export interface ValueWriter {
  readonly name: string;
  /** The fencing token of the session. */
  readonly generation: number;
}

/** The present process of a node. */
export interface ValueOwner {
  readonly name: string;
  readonly instance: Uint8Array;
  /** The requirement that the process has the node. */
  readonly fence: Requirement;
}

/** The owner that a put names; undefined: none. Throws NODE_NOT_FOUND, also if a session names another node. */
export function ownerOf(
  nodes: NodeRows,
  typed: string,
  writer: ValueWriter | undefined,
): ValueOwner | undefined {
  if (typed === '') return undefined;
  const name = typed.toLowerCase();
  if (writer && name !== writer.name) throw notOwn(typed, writer.name);
  const owner = nodes.owners.get(name);
  if (!owner) throw notFound(cutText(typed, 255));
  const { instanceId: instance } = owner.value;
  return { name, instance, fence: nodes.fence(name, owner.sequence) };
}

function notOwn(typed: string, name: string): KelpieError {
  const shown = cutText(typed, 255);
  const message = `a session binds values to its own node "${name}", and not to "${shown}"; use a call for that`;
  return new KelpieError('NODE_NOT_FOUND', message, { name: shown });
}
