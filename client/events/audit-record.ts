/** A record of an act, in the form of programs. */
import { type AuditRecord as WireRecord } from '../../gen/ts/kelpie/v1/audit.js';
import { ErrorReason } from '../../gen/ts/kelpie/v1/error.js';
import { auditActionNameOf, type AuditActionName } from '../core/spelling.js';
import { type FailureReason, reasonNameOf } from '../errors.js';

/** An act of an operator, or of one node upon another. */
export interface AuditRecord {
  readonly action: AuditActionName;
  /** The name of the node that acted; empty for a call without a session. */
  readonly actorNode: string;
  /** The name of the actor's credential; empty if the coordinator has no credentials. */
  readonly actorName: string;
  readonly credentialId: string;
  /** The address that the act came from. */
  readonly address: string;
  /** Names of nodes, ids of players, topics of values, ids of credentials: at most 100. */
  readonly targets: readonly string[];
  /** The number of all targets. */
  readonly targetCount: number;
  /** Details for people, without secrets. */
  readonly detail: string;
  readonly outcomes: readonly AuditOutcome[];
}

/** An outcome of an act. */
export interface AuditOutcome {
  /** The reason of a failure; undefined: the act succeeded. */
  readonly reason: FailureReason | undefined;
  /** The number of targets with this outcome; 1 for an act without targets. */
  readonly count: number;
}

export function auditRecordOf(record: WireRecord): AuditRecord {
  const { action, targets, targetCount, outcomes, ...facts } = record;
  return {
    ...facts,
    action: auditActionNameOf(action),
    targets,
    targetCount: Math.max(targetCount, targets.length),
    outcomes: outcomes.map(({ reason, count }) => ({
      reason: reason === ErrorReason.UNSPECIFIED ? undefined : reasonNameOf(reason),
      count,
    })),
  };
}
