/** Records of acts in a few words, for people. */
import { AuditAction, type AuditRecord } from '../../../gen/ts/kelpie/v1/audit.js';
import { ErrorReason } from '../../../gen/ts/kelpie/v1/error.js';
import { nameOf } from './output.js';

/** Targets that a line shows. */
const SHOWN = 3;

/** `alice from 10.0.0.7: KICK 2535400000000001: done`. */
export function auditInWords(record: AuditRecord): string {
  const { detail } = record;
  const what = [actionOf(record), targetsOf(record), detail === '' ? '' : `(${detail})`];
  const act = what.filter((part) => part !== '').join(' ');
  return `${actorOf(record)} from ${record.address}: ${act}: ${outcomeOf(record)}`;
}

/** `alice`, `lobby-1 (alice)`, or `anybody` where the coordinator has no credentials. */
function actorOf({ actorNode, actorName }: AuditRecord): string {
  if (actorNode === '') return actorName === '' ? 'anybody' : actorName;
  return actorName === '' || actorName === actorNode ? actorNode : `${actorNode} (${actorName})`;
}

/** `KICK`. */
export function actionOf({ action }: AuditRecord): string {
  return nameOf(AuditAction, action);
}

/** `lobby-1, lobby-2, lobby-3 and 4 more`. */
export function targetsOf({ targets, targetCount }: AuditRecord): string {
  const more = Math.max(targetCount, targets.length) - SHOWN;
  return targets.slice(0, SHOWN).join(', ') + (more > 0 ? ` and ${more} more` : '');
}

/** `done`; `2 done, 1 PLAYER_NOT_FOUND`. */
export function outcomeOf({ outcomes }: AuditRecord): string {
  const [only] = outcomes;
  if (only?.count === 1 && outcomes.length === 1) return wordOf(only.reason);
  return outcomes.map(({ reason, count }) => `${count} ${wordOf(reason)}`).join(', ') || '-';
}

function wordOf(reason: ErrorReason): string {
  return reason === ErrorReason.UNSPECIFIED ? 'done' : nameOf(ErrorReason, reason);
}
