/** Asks the proxy that holds a player whether they are really there. */
import { msOf } from '../core/duration.js';
import { KelpieError } from '../core/errors.js';
import type { Commands, NodeResult } from './commands.js';
import type { Clock } from '../core/clock.js';
import type { PlayerRow } from '../players/rows.js';
import type { Verify } from '../players/ownership.js';

type Answer = NodeResult['outcome'];

/** A client that was heard so lately is there. */
const HEARD_MS = 2000;
const QUESTIONS = 2;
/** Questions, with those that do not count. */
const ASKED = 6;
/** So late a deadline shows that the coordinator itself stood still. */
const LATE_MS = 250;

/** Knows whether nodes are read: the sessions do, which are above this layer. */
export interface Readers {
  /** Whether the node's stream was read all the time since then, by the listening clock. */
  readSince(name: string, ms: number): boolean;
}

/** How long an answer may take, and by which clocks. */
export interface VerifyOptions {
  readonly verifyMs: number;
  readonly clock: Clock;
  /** The time in which this coordinator listened. */
  readonly listening: Clock;
}

/**
 * Asks twice, so that one lost answer decides nothing. Only a yes counts: a proxy that does not answer,
 * or does not do this command, does not keep a player out for ever. (Velocity-CTD asks so, once.) But a
 * question does not count whose answer may lie unread; a proxy that cannot be heard is not judged.
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

/** A proxy that cannot be asked is an error as its answer. */
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
  return silence === undefined || msOf(silence) <= HEARD_MS;
}
