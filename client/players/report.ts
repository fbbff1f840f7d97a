/** A report about one player, until its answer. */
import { PlayerReport } from '../../gen/ts/kelpie/v1/presence.js';
import type { FailureReason, KelpieError } from '../errors.js';
import { inParts } from '../core/parts.js';
import type { ListedPlayer } from './list.js';
import { withUnanswered } from './unanswered.js';

/** The most reports of a frame by the contract, and half the bytes of a message. */
const REPORTS = 256;
const REPORT_BYTES = 512 * 1024;

/** The errors while no coordinator is connected, or its storage is away. */
const AWAY: readonly FailureReason[] = [
  'UNAVAILABLE',
  'ENGINE_UNAVAILABLE',
  'EPOCH_ENDED',
  'OUTCOME_UNKNOWN',
];
/** Errors that decide nothing about a player: of these, or the coordinator is full or cannot store anything. */
const UNDECIDED: readonly FailureReason[] = [
  ...AWAY,
  'REQUEST_QUEUE_FULL',
  'JOURNAL_READ_ONLY',
  'UNKNOWN',
];

/** Whether no coordinator, or not its storage, could be reached. */
export function isAway({ reason }: KelpieError): boolean {
  return AWAY.includes(reason);
}

/** Whether a report with this error is still undecided. A later list settles it. */
export function isUndecided({ reason }: KelpieError): boolean {
  return UNDECIDED.includes(reason);
}

/** The same for the error of a whole request. STALE_GENERATION: another session of the node has taken its place. */
export function isRequestUndecided(error: KelpieError): boolean {
  return isUndecided(error) || error.reason === 'STALE_GENERATION';
}

/** The kind of a report, and its facts. */
export type What = NonNullable<PlayerReport['what']>;

export interface Report {
  readonly listed: ListedPlayer;
  readonly what: What;
  /** The report follows a list: its refusal sends no other list. */
  readonly again?: boolean;
  readonly resolve: () => void;
  readonly reject: (error: KelpieError) => void;
  /** The coordinator refused the report: reverts its change of the list. */
  readonly undo: (error: KelpieError) => void;
}

/** The reports in order, as many in each frame as fit. */
export function framesOf(reports: readonly Report[]): Report[][] {
  return inParts(reports, sizeOf, REPORTS, REPORT_BYTES);
}

/** The report on the wire, with the player's present generation, which may be newer than the report. */
export function reportOf({ listed: { id: playerId, generation }, what }: Report): PlayerReport {
  return { playerId, generation, what };
}

function sizeOf(report: Report): number {
  return PlayerReport.encode(reportOf(report)).finish().length;
}

/**
 * Resolves reports without an answer. The next list contains their effect, except changes of facts that other nodes
 * changed too: the player keeps these changes, and the proxy reports them again.
 */
export function settle(reports: readonly Report[]): void {
  for (const { listed, what, resolve } of reports) {
    keep(listed, what);
    resolve();
  }
}

/** The player keeps a change without an answer. */
export function keep(listed: ListedPlayer, what: What): void {
  if (what.$case !== 'changed') return;
  listed.unanswered = withUnanswered(listed.unanswered, what.value, listed.player);
}
