/** A report about one player, until the coordinator has answered it. */
import { PlayerReport } from '../../gen/ts/kelpie/v1/presence.js';
import type { FailureReason, KelpieError } from '../errors.js';
import { inParts } from '../core/parts.js';
import type { ListedPlayer } from './list.js';

/** The limits of the contract for a frame, and half a message. */
const REPORTS = 256;
const REPORT_BYTES = 512 * 1024;

/** Errors that decide nothing about a player: the coordinator is away or full, or it cannot store anything. */
const UNDECIDED: readonly FailureReason[] = [
  'UNAVAILABLE',
  'REQUEST_QUEUE_FULL',
  'JOURNAL_READ_ONLY',
  'OUTCOME_UNKNOWN',
  'UNKNOWN',
];

/** Whether the error of a report leaves open what becomes of it: a later list settles it. */
export function isUndecided({ reason }: KelpieError): boolean {
  return UNDECIDED.includes(reason);
}

/** The same of the error of a whole request: its stream may belong to the node no longer. */
export function isUnheard(error: KelpieError): boolean {
  return isUndecided(error) || error.reason === 'STALE_GENERATION';
}

/** What a player did. */
export type What = NonNullable<PlayerReport['what']>;

export interface Report {
  readonly listed: ListedPlayer;
  readonly what: What;
  readonly resolve: () => void;
  readonly reject: (error: KelpieError) => void;
  /** It is refused: takes back what the list says of it. */
  readonly undo: (error: KelpieError) => void;
}

/** In their order, as many in each as fit. */
export function framesOf(reports: readonly Report[]): Report[][] {
  return inParts(reports, sizeOf, REPORTS, REPORT_BYTES);
}

/** The report with the generation of now, which may have come after the report was made. */
export function reportOf({ listed: { id: playerId, generation }, what }: Report): PlayerReport {
  return { playerId, generation, what };
}

function sizeOf(report: Report): number {
  return PlayerReport.encode(reportOf(report)).finish().length;
}

/** Nobody need wait for them any more. */
export function settle(reports: readonly Report[]): void {
  for (const { resolve } of reports) resolve();
}
