/** What a node says of itself in its Hello: checked, and made into the public Node. */
import type { Address, Node } from '../../gen/ts/kelpie/v1/node.js';
import { NodeState, NodeRole } from '../../gen/ts/kelpie/v1/node.js';
import type { Hello } from '../../gen/ts/kelpie/v1/session_service.js';
import { ID_BYTES } from '../core/cursor.js';
import { KelpieError, outOfRange } from '../core/errors.js';
import { foldName } from './node-name.js';

const LABELS = 64;
const LABEL_NAME_BYTES = 63;
const LABEL_VALUE_BYTES = 255;

/** Checks a Hello's facts. `seenHost` stands in for an empty host. */
export function nodeOf(hello: Hello, seenHost: string): Node {
  if (hello.instanceId.length !== ID_BYTES) {
    throw new KelpieError(
      'INSTANCE_ID_INVALID',
      `instance_id has ${hello.instanceId.length} bytes; draw ${ID_BYTES} random bytes when the process starts`,
    );
  }
  checkRole(hello.role);
  const name = foldName(hello.name);
  text('sdk', hello.sdk, 128);
  return {
    name,
    displayName: hello.name,
    role: hello.role,
    state: hello.state === NodeState.UNSPECIFIED ? NodeState.READY : checkState(hello.state),
    instanceId: hello.instanceId,
    address: addressOf('address', hello.address, seenHost),
    publicAddress: addressOf('public_address', hello.publicAddress, seenHost),
    labels: labelsOf(hello.labels),
    maxPlayers: hello.maxPlayers,
    motd: text('motd', hello.motd, 1024),
    software: text('software', hello.software, 128),
    version: text('version', hello.version, 128),
    joinTime: undefined,
    lastState: NodeState.UNSPECIFIED,
    load: undefined,
  };
}

function checkRole(role: number): void {
  const roles: readonly number[] = [NodeRole.PROXY, NodeRole.DOWNSTREAM, NodeRole.BACKEND];
  if (roles.includes(role)) return;
  throw new KelpieError(
    'ROLE_INVALID',
    'the node names no role that is known here: set role to NODE_ROLE_PROXY, NODE_ROLE_DOWNSTREAM or NODE_ROLE_BACKEND',
  );
}

/** A state that a node can be put into from outside. Throws OUT_OF_RANGE. */
export function checkState(state: NodeState): NodeState {
  const settable: readonly NodeState[] = [
    NodeState.STARTING,
    NodeState.READY,
    NodeState.DRAINING,
    NodeState.MAINTENANCE,
  ];
  if (settable.includes(state)) return state;
  const message = 'a node can be put into STARTING, READY, DRAINING or MAINTENANCE';
  throw outOfRange('state', 'MAINTENANCE', message);
}

function text(field: string, value: string, limit: number): string {
  if (Buffer.byteLength(value) <= limit) return value;
  throw new KelpieError(
    'TEXT_TOO_LONG',
    `${field} has ${Buffer.byteLength(value)} bytes; the limit is ${limit}`,
    { field, limit: String(limit) },
  );
}

function addressOf(
  field: string,
  address: Address | undefined,
  seenHost: string,
): Address | undefined {
  if (!address) return undefined;
  const { host, port } = address;
  if (port < 1 || port > 65_535) {
    const message = `${field}.port is ${port}; ports are 1 to 65535`;
    throw outOfRange(`${field}.port`, 65_535, message);
  }
  return { host: text(`${field}.host`, host === '' ? seenHost : host, 253), port };
}

/** In the order of their names, so that the same labels are the same bytes. Throws LABELS_INVALID. */
export function labelsOf(labels: Record<string, string>): Record<string, string> {
  const entries = Object.entries(labels).sort(([left], [right]) => (left < right ? -1 : 1));
  if (entries.length > LABELS) {
    throw labelError(`${entries.length} labels; the limit is ${LABELS}`, '', LABELS);
  }
  for (const [name, value] of entries) {
    const bytes = Buffer.byteLength(name);
    if (bytes < 1 || bytes > LABEL_NAME_BYTES) {
      const shown = name.slice(0, LABEL_NAME_BYTES);
      throw labelError(
        `label name "${shown}" has ${bytes} bytes; 1 to ${LABEL_NAME_BYTES} fit`,
        shown,
        LABEL_NAME_BYTES,
      );
    }
    if (Buffer.byteLength(value) > LABEL_VALUE_BYTES) {
      throw labelError(
        `label "${name}" has a value of ${Buffer.byteLength(value)} bytes; the limit is ${LABEL_VALUE_BYTES}`,
        name,
        LABEL_VALUE_BYTES,
      );
    }
  }
  return Object.fromEntries(entries);
}

function labelError(message: string, label: string, limit: number): KelpieError {
  return new KelpieError('LABELS_INVALID', message, { label, limit: String(limit) });
}
