/** The facts of nodes and players that can change, as text. */
import { createHash } from 'node:crypto';
import { type Address, type Node, NodeRole, NodeState } from '../../../gen/ts/kelpie/v1/node.js';
import type { Player } from '../../../gen/ts/kelpie/v1/player.js';
import { counted, nameOf } from '../output/output.js';

/** By name; empty if the fact is not set. */
export type Facts = ReadonlyMap<string, string>;

/** The state of a node behind the one that it is shown with: drained, or UNREACHABLE. */
export const OWN_STATE = 'own state';

/** The facts of a node. Its name, its process and its time of joining do not change. */
export function factsOfNode(node: Node): Facts {
  return new Map([
    ['state', nameOf(NodeState, node.state)],
    ['drained', node.drained ? 'yes' : ''],
    [OWN_STATE, node.lastState === NodeState.UNSPECIFIED ? '' : nameOf(NodeState, node.lastState)],
    ['role', nameOf(NodeRole, node.role)],
    ['address', addressOf(node.address)],
    ['public address', addressOf(node.publicAddress)],
    ['places', node.maxPlayers === undefined ? '' : String(node.maxPlayers)],
    ['motd', node.motd],
    ['software', node.software],
    ['version', node.version],
    ['display name', node.displayName],
    ...named('label', node.labels),
  ]);
}

/** Where a player is has events of its own. */
export function factsOfPlayer(player: Player): Facts {
  const { device, language, address, protocolVersion, properties, context } = player;
  return new Map([
    ['address', address],
    ['device', device?.os ?? ''],
    ['model', device?.model ?? ''],
    ['input', device?.input ?? ''],
    ['language', language],
    ['protocol', protocolVersion === 0 ? '' : String(protocolVersion)],
    ...named('property', properties),
    ['context', contextOf(context)],
  ]);
}

function named(what: string, values: Record<string, string>): [string, string][] {
  return Object.entries(values).map(([name, value]) => [`${what} ${name}`, value]);
}

/** Enough to see whether it is another one. */
function contextOf(context: Uint8Array): string {
  if (context.length === 0) return '';
  const digest = createHash('sha256').update(context).digest('hex').slice(0, 8);
  return `${counted(context.length, 'byte')} (sha256 ${digest})`;
}

function addressOf(address: Address | undefined): string {
  return address ? `${address.host}:${address.port}` : '';
}
