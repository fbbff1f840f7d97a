/**
 * The names that programs use for the enum values of the contract. The client refuses any other spelling from its
 * program, since it would mean the default. A number from the wire without a name in this version becomes UNKNOWN.
 */
import { AuditAction } from '../../gen/ts/kelpie/v1/audit.js';
import { CredentialPreset, Verb } from '../../gen/ts/kelpie/v1/access.js';
import { Durability } from '../../gen/ts/kelpie/v1/coordinator.js';
import { MessageOrigin, NodeLeaveReason, StateEndReason } from '../../gen/ts/kelpie/v1/event.js';
import { NodeRole, NodeState } from '../../gen/ts/kelpie/v1/node.js';
import { DrainStage } from '../../gen/ts/kelpie/v1/node_service.js';
import { PlayerLeaveReason } from '../../gen/ts/kelpie/v1/player.js';
import { PlayerDenialReason } from '../../gen/ts/kelpie/v1/presence.js';
import {
  FallbackReason,
  RoutingOccasion,
  RoutingStrategy,
} from '../../gen/ts/kelpie/v1/routing.js';
import { ServerVerdict } from '../../gen/ts/kelpie/v1/routing_service.js';
import { WelcomeOutcome } from '../../gen/ts/kelpie/v1/session_service.js';
import { GapReason } from '../../gen/ts/kelpie/v1/stream.js';
import { TransferStage } from '../../gen/ts/kelpie/v1/transfer.js';
import { oneOf } from './arguments.js';

type NameIn<Table> = Exclude<keyof Table & string, 'UNSPECIFIED'>;

/** The role of a node: PROXY, DOWNSTREAM (a server that players play on) or SERVICE (any other process). */
export type RoleName = NameIn<typeof NodeRole>;

/** The state of a node. The coordinator sets UNREACHABLE when it loses the node's stream. */
export type StateName = NameIn<typeof NodeState>;

/** A state that a node can set for itself. */
export type SettableState = Exclude<StateName, 'UNREACHABLE'>;

/** The author of a message's content: the publisher's own program, or perhaps a player's client. */
export type OriginName = keyof typeof MessageOrigin;

/** The reason why a node left the network. */
export type NodeLeaveReasonName = NameIn<typeof NodeLeaveReason> | 'UNKNOWN';

/** The reason why a player left the network. */
export type PlayerLeaveReasonName = NameIn<typeof PlayerLeaveReason> | 'UNKNOWN';

/** The reason why a login was denied. */
export type DenialReasonName = NameIn<typeof PlayerDenialReason> | 'UNKNOWN';
/** The reason why a shared value ended. */
export type StateEndReasonName = NameIn<typeof StateEndReason> | 'UNKNOWN';

/** The reason why events were lost. */
export type GapReasonName = NameIn<typeof GapReason> | 'UNKNOWN';

/** How a session began: see `Welcome.outcome`. */
export type WelcomeOutcomeName = NameIn<typeof WelcomeOutcome> | 'UNKNOWN';

/** The crashes that an acknowledged event survives. */
export type DurabilityName = NameIn<typeof Durability> | 'UNKNOWN';

/** An occasion on which a player needs a server: they join the network, or they lose their server. */
export type OccasionName = NameIn<typeof RoutingOccasion>;

/** The way to choose one of several open servers: see `RoutingStrategy` of the contract. */
export type StrategyName = NameIn<typeof RoutingStrategy>;

/** The reason why a player needs another server. */
export type FallbackReasonName = NameIn<typeof FallbackReason>;

/** Why a pick took a server, or did not: see `ServerVerdict` of the contract. */
export type VerdictName = NameIn<typeof ServerVerdict> | 'UNKNOWN';

/** The stage of a transfer. ARRIVED and FAILED end it. */
export type TransferStageName = NameIn<typeof TransferStage> | 'UNKNOWN';

/** The stage of a drain. While it is MOVING, players are being moved. */
export type DrainStageName = NameIn<typeof DrainStage> | 'UNKNOWN';

/** The kind of an act: see `AuditAction` of the contract. */
export type AuditActionName = NameIn<typeof AuditAction> | 'UNKNOWN';

/** Rights that fit most networks: see `CredentialPreset` of the contract. */
export type PresetName = NameIn<typeof CredentialPreset>;

/** A right beside topics and commands: see `Verb` of the contract. */
export type VerbName = NameIn<typeof Verb>;

/** Throws VALUE_INVALID. */
export function presetOf(name: PresetName): CredentialPreset {
  return CredentialPreset[oneOf<PresetName>('preset', name, CredentialPreset)];
}

/** Throws VALUE_INVALID. */
export function verbOf(name: VerbName): Verb {
  return Verb[oneOf<VerbName>('verb', name, Verb)];
}

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

/** The default strategy where the name is left out. Throws VALUE_INVALID. */
export function strategyOf(name: StrategyName | undefined, field = 'strategy'): RoutingStrategy {
  if (name === undefined) return RoutingStrategy.UNSPECIFIED;
  return RoutingStrategy[oneOf<StrategyName>(field, name, RoutingStrategy)];
}

/** Throws VALUE_INVALID. */
export function fallbackReasonOf(name: FallbackReasonName, field = 'reason'): FallbackReason {
  return FallbackReason[oneOf<FallbackReasonName>(field, name, FallbackReason)];
}

/** A function from the numbers of an enum to their names. */
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
export const denialReasonNameOf = namesOf(PlayerDenialReason);
export const stateEndReasonNameOf = namesOf(StateEndReason);
export const gapReasonNameOf = namesOf(GapReason);
export const welcomeOutcomeNameOf = namesOf(WelcomeOutcome);
export const durabilityNameOf = namesOf(Durability);
export const occasionNameOf = namesOf(RoutingOccasion);
export const strategyNameOf = namesOf(RoutingStrategy);
export const fallbackReasonNameOf = namesOf(FallbackReason);
export const verdictNameOf = namesOf(ServerVerdict);
export const transferStageNameOf = namesOf(TransferStage);
export const drainStageNameOf = namesOf(DrainStage);
export const auditActionNameOf = namesOf(AuditAction);
export const verbNameOf = namesOf(Verb);
