/** Checks the facts of a Hello, and makes the public Node of them. */
import type { Address, Node } from '../../gen/ts/kelpie/v1/node.js';
import { NodeState, NodeRole } from '../../gen/ts/kelpie/v1/node.js';
import type { Hello } from '../../gen/ts/kelpie/v1/session_service.js';
import { ID_BYTES } from '../core/cursor.js';
import { KelpieError, outOfRange } from '../core/errors.js';
import { cutText } from '../core/text.js';
import { commandsOf, IDENTIFIER_RULE, isIdentifier, labelsOf, textOf } from '../network/labels.js';
import { foldName } from './name.js';

/** The most names of features in one Hello, and the most bytes of each. */
const FEATURES = 64;
const FEATURE_BYTES = 63;

/** Checks a Hello's facts. `seenHost` replaces an empty host. */
export function nodeOf(hello: Hello, seenHost: string): Node {
  if (hello.instanceId.length !== ID_BYTES) {
    throw new KelpieError(
      'INSTANCE_ID_INVALID',
      `instance_id has ${hello.instanceId.length} bytes; draw ${ID_BYTES} random bytes when the process starts`,
    );
  }
  checkRole(hello.role);
  const name = foldName(hello.name);
  textOf('sdk', hello.sdk, 128);
  checkFeatures(hello.features);
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
    motd: motdOf(hello.motd),
    software: textOf('software', hello.software, 128),
    version: textOf('version', hello.version, 128),
    joinTime: undefined,
    lastState: NodeState.UNSPECIFIED,
    load: undefined,
    commands: commandsOf(hello.commands),
    reservedSlots: 0,
    drained: false,
  };
}

/** Throws TEXT_TOO_LONG. */
export function motdOf(motd: string): string {
  return textOf('motd', motd, 1024);
}

/** Throws OUT_OF_RANGE or TEXT_TOO_LONG. A name of an unknown feature is valid. */
function checkFeatures(names: readonly string[]): void {
  if (names.length > FEATURES) {
    const message = `${names.length} features; a node has at most ${FEATURES}`;
    throw outOfRange('features', FEATURES, message);
  }
  for (const name of names) {
    textOf('features', name, FEATURE_BYTES);
    if (isIdentifier(name)) continue;
    const message = `"${cutText(name, 80)}" cannot be the name of a feature: ${IDENTIFIER_RULE}`;
    throw outOfRange('features', FEATURE_BYTES, message);
  }
}

function checkRole(role: number): void {
  const roles: readonly number[] = [NodeRole.PROXY, NodeRole.DOWNSTREAM, NodeRole.SERVICE];
  if (roles.includes(role)) return;
  throw new KelpieError(
    'ROLE_INVALID',
    'the node has no valid role; set role to NODE_ROLE_PROXY, NODE_ROLE_DOWNSTREAM or NODE_ROLE_SERVICE',
  );
}

/** Returns a state that a change may set. Throws OUT_OF_RANGE for other states. */
export function checkState(state: NodeState): NodeState {
  const settable: readonly NodeState[] = [
    NodeState.STARTING,
    NodeState.READY,
    NodeState.DRAINING,
    NodeState.MAINTENANCE,
  ];
  if (settable.includes(state)) return state;
  const message = 'a state is one of STARTING, READY, DRAINING and MAINTENANCE; set one of these';
  throw outOfRange('state', 'MAINTENANCE', message);
}

/** Throws OUT_OF_RANGE or TEXT_TOO_LONG. */
export function addressOf(
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
  return { host: textOf(`${field}.host`, host === '' ? seenHost : host, 253), port };
}
