/**
 * Names of the contract as programs spell them. On the way out any other spelling is refused: it would mean
 * the default. On the way in a number that this version does not know becomes UNKNOWN.
 */
import { Durability } from '../../gen/ts/kelpie/v1/coordinator.js';
import { MessageOrigin, NodeLeaveReason } from '../../gen/ts/kelpie/v1/event.js';
import { NodeRole, NodeState } from '../../gen/ts/kelpie/v1/node.js';
import { PlayerLeaveReason } from '../../gen/ts/kelpie/v1/player.js';
import { WelcomeOutcome } from '../../gen/ts/kelpie/v1/session_service.js';
import { GapReason } from '../../gen/ts/kelpie/v1/stream.js';
import { oneOf } from './arguments.js';

type NameIn<Table> = Exclude<keyof Table & string, 'UNSPECIFIED'>;

/** What a node is to the network: PROXY, DOWNSTREAM (a server that players play on) or SERVICE (any other). */
export type RoleName = NameIn<typeof NodeRole>;

/** The state of a node. The coordinator sets UNREACHABLE when it loses the node's stream. */
export type StateName = NameIn<typeof NodeState>;

/** A state that a node can set for itself. */
export type SettableState = Exclude<StateName, 'UNREACHABLE'>;

/** Who wrote the content of a message: the publisher's own program, or perhaps a player's client. */
export type OriginName = keyof typeof MessageOrigin;

/** Why a node left the network. */
export type NodeLeaveReasonName = NameIn<typeof NodeLeaveReason> | 'UNKNOWN';

/** Why a player left the network. */
export type PlayerLeaveReasonName = NameIn<typeof PlayerLeaveReason> | 'UNKNOWN';

/** Why events were lost. */
export type GapReasonName = NameIn<typeof GapReason> | 'UNKNOWN';

/** What became of the node's former session. */
export type WelcomeOutcomeName = NameIn<typeof WelcomeOutcome> | 'UNKNOWN';

/** What an acknowledged event survives. */
export type DurabilityName = NameIn<typeof Durability> | 'UNKNOWN';

/** Throws VALUE_INVALID. */
export function originOf(name: OriginName): MessageOrigin {
  if (name === 'UNSPECIFIED') return MessageOrigin.UNSPECIFIED;
  return MessageOrigin[oneOf<'NODE'>('origin', name, MessageOrigin)];
}

/** Throws VALUE_INVALID. */
export function roleOf(name: RoleName): NodeRole {
  return NodeRole[oneOf<RoleName>('role', name, NodeRole)];
}

/** Throws VALUE_INVALID. */
export function stateOf(name: StateName): NodeState {
  return NodeState[oneOf<StateName>('state', name, NodeState)];
}

/** Throws VALUE_INVALID. */
export function settableStateOf(name: SettableState): NodeState {
  const { STARTING, READY, DRAINING, MAINTENANCE } = NodeState;
  return stateOf(oneOf<SettableState>('state', name, { STARTING, READY, DRAINING, MAINTENANCE }));
}

/** The names of an enum, by number. */
function namesOf<Table extends Readonly<Record<string, number>>>(
  table: Table,
): (number: number) => NameIn<Table> | 'UNKNOWN' {
  const names = new Map<number, NameIn<Table>>();
  for (const [name, number] of Object.entries(table))
    if (name !== 'UNSPECIFIED') names.set(number, name as NameIn<Table>);
  return (number) => names.get(number) ?? 'UNKNOWN';
}

export const roleNameOf = namesOf(NodeRole);
export const stateNameOf = namesOf(NodeState);
export const nodeLeaveReasonNameOf = namesOf(NodeLeaveReason);
export const playerLeaveReasonNameOf = namesOf(PlayerLeaveReason);
export const gapReasonNameOf = namesOf(GapReason);
export const welcomeOutcomeNameOf = namesOf(WelcomeOutcome);
export const durabilityNameOf = namesOf(Durability);
