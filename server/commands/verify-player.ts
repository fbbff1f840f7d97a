/** Asks the proxy that holds a player whether the player is still connected. */
import { msOf } from '../core/duration.js';
import { KelpieError } from '../core/errors.js';
import type { Commands, NodeResult } from './commands.js';
import type { Clock } from '../core/clock.js';
import type { PlayerRow } from '../players/rows.js';
import type { Verify } from '../players/ownership.js';

type Answer = NodeResult['outcome'];

/** A player is connected if a packet of their client arrived in this time. */
const SILENCE_MS = 2000;
const QUESTIONS = 2;
/** The most questions, including questions that do not count. */
const ASKED = 6;
/** A timer that fires so late shows that the coordinator itself stalled. */
const LATE_MS = 250;

/** Reports whether the coordinator reads from nodes. The layer of sessions implements it. */
export interface Readers {
  /** Whether the coordinator read the node's stream without a pause since this time of the listening clock. */
  readSince(name: string, ms: number): boolean;
}

/** The time and the clocks of a verification. */
export interface VerifyOptions {
  readonly verifyMs: number;
  readonly clock: Clock;
  /** Counts only the time in which this coordinator listened. */
  readonly listening: Clock;
}

/**
 * Asks twice, so that one lost answer decides nothing. The player stays only if the proxy confirms them: a proxy
 * that does not answer, or does not handle this command, cannot keep a player out forever. (Velocity-CTD asks
 * the same way, once.) A question does not count while its answer may be unread. If the coordinator cannot read
 * from the proxy, the player stays.
 */
export function verifier(
  commands: Commands,
  readers: Readers,
  { verifyMs, clock, listening }: VerifyOptions,
): Verify {
  const timeoutMs = verifyMs / QUESTIONS;
  return async (row) => {
    for (let asked = 0, unanswered = 0; asked < ASKED; asked++) {
      const sinceMs = listening.now();
      const beganMs = clock.now();
      const outcome = await ask(commands, row, timeoutMs);
      if (!(outcome instanceof KelpieError)) return isThere(outcome);
      if (outcome.reason !== 'OUTCOME_UNKNOWN') return false;
      const late = clock.now() - beganMs - timeoutMs > LATE_MS;
      if (!late && readers.readSince(row.proxy, sinceMs)) unanswered += 1;
      if (unanswered === QUESTIONS) return false;
    }
    return true;
  };
}

/** Returns the proxy's answer; an error if the command cannot reach the proxy. */
async function ask(commands: Commands, row: PlayerRow, timeoutMs: number): Promise<Answer> {
  const player = { playerId: row.player.id, generation: row.generation };
  const form = { $case: 'verifyPlayer', value: { player } } as const;
  try {
    return (await commands.ask(row.proxy, { form }, timeoutMs)).outcome;
  } catch (error) {
    if (error instanceof KelpieError) return error;
    throw error;
  }
}

function isThere({ form }: Exclude<Answer, KelpieError>): boolean {
  if (form?.$case !== 'verified' || !form.value.connected) return false;
  const { silence } = form.value;
  return silence === undefined || msOf(silence) <= SILENCE_MS;
}
