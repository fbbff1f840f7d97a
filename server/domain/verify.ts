/** Asks the proxy that holds a player whether he is really there. */
import { msOf } from '../core/duration.js';
import { KelpieError } from '../core/errors.js';
import type { Commands, NodeResult } from './commands.js';
import type { Network } from './network.js';
import type { Held } from './player-table.js';
import type { Verify } from './players.js';

type Outcome = NodeResult['outcome'];

/** A client that was heard so lately is there. */
const HEARD_MS = 2000;
const QUESTIONS = 2;

/**
 * Asks twice, so that one lost answer decides nothing. Only a yes counts: a proxy that does not answer,
 * or does not do this command, does not keep a player out for ever. (Velocity-CTD asks so, once.)
 */
export function verifier(network: Network, commands: Commands): Verify {
  const timeoutMs = network.options.times.verifyMs / QUESTIONS;
  return async (held) => {
    for (let question = 0; question < QUESTIONS; question++) {
      const outcome = await ask(commands, held, timeoutMs);
      if (!(outcome instanceof KelpieError)) return isThere(outcome);
      if (outcome.reason !== 'OUTCOME_UNKNOWN') return false;
    }
    return false;
  };
}

/** A proxy that cannot be asked is an error as its answer. */
async function ask(commands: Commands, held: Held, timeoutMs: number): Promise<Outcome> {
  const player = { playerId: held.player.id, generation: held.generation };
  const form = { $case: 'verifyPlayer', value: { player } } as const;
  try {
    return (await commands.ask(held.proxy, { form }, timeoutMs)).outcome;
  } catch (error) {
    if (error instanceof KelpieError) return error;
    throw error;
  }
}

function isThere({ form }: Exclude<Outcome, KelpieError>): boolean {
  if (form?.$case !== 'verified' || !form.value.connected) return false;
  const { silence } = form.value;
  return silence === undefined || msOf(silence) <= HEARD_MS;
}
