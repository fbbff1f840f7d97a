/** Asks the proxy that holds a player whether the player is still connected. */
import { msOf } from '../core/duration.js';
import { KelpieError } from '../core/errors.js';
import type { Commands, NodeResult } from './commands.js';
import type { Clock } from '../core/clock.js';
import type { Exchange } from '../cluster/exchange.js';
import type { Holders } from '../nodes/holders.js';
import type { PlayerRow, PlayerRows } from '../players/rows.js';
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

/** The parts by which a verification goes to the coordinator that has the stream of the player's proxy. */
export interface VerifyParts {
  readonly exchange: Pick<Exchange, 'answerOf' | 'handle'>;
  readonly holders: Pick<Holders, 'own' | 'of' | 'elsewhere'>;
  readonly players: Pick<PlayerRows, 'get'>;
  readonly onFault: (error: unknown) => void;
}

/**
 * Verifies players wherever the streams of their proxies are, and answers other coordinators. Only the coordinator that
 * has the stream can tell whether it reads from the proxy. If it does not answer, the player stays.
 */
export function verifierAcross(
  verify: Verify,
  { exchange, holders, players, onFault }: VerifyParts,
  { verifyMs }: Pick<VerifyOptions, 'verifyMs'>,
): Verify {
  exchange.handle('verifyPlayer', ({ playerId, generation }, asker) => {
    const row = players.get(playerId);
    const isHere = row?.generation === generation && holders.of(row.proxy) === holders.own;
    const answer = (connected: boolean): void =>
      asker.answer({ $case: 'playerVerdict', value: { connected } });
    // The proxy has moved on, or this coordinator has not read the newest rows.
    if (!isHere) answer(true);
    else verify(row).then(answer, onFault);
  });
  // All questions to the proxy, and the way to its coordinator.
  const options = { kind: 'playerVerdict', timeoutMs: (ASKED / QUESTIONS + 1) * verifyMs } as const;
  return async (row) => {
    const holder = holders.elsewhere(row.proxy);
    if (holder === undefined) return verify(row);
    const value = { playerId: row.player.id, generation: row.generation };
    const question = { $case: 'verifyPlayer', value } as const;
    return (await exchange.answerOf(holder, question, options))?.connected ?? true;
  };
}
