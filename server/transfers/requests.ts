/** A request to move players, as a call or a frame has it. */
import type { TransferPlayersRequest } from '../../gen/ts/kelpie/v1/player_service.js';
import type { TransferUpdate } from '../../gen/ts/kelpie/v1/transfer.js';
import type { PlayerCommands } from '../commands/on-players.js';
import { msOf, type WireDuration } from '../core/duration.js';
import { KelpieError } from '../core/errors.js';
import { wireError } from '../core/wire-error.js';
import type { Network } from '../network/network.js';
import { type MoveUpdate, type OnUpdate, PLAYERS, type Transfers } from './transfers.js';

const DEFAULT_MS = 30_000;
const LONGEST_MS = 5 * 60 * 1000;

/** The parts that requests use. */
export interface TransferServices {
  readonly network: Pick<Network, 'searches'>;
  readonly playerCommands: PlayerCommands;
  readonly transfers: Transfers;
}

/**
 * Moves the players of a target. `asker` shares turns with other searches. Rejects with the errors that
 * TransferPlayers names, and then moves nobody.
 */
export async function transferPlayers(
  { network, playerCommands, transfers }: TransferServices,
  { target, destination, context, timeout, reservationId }: TransferPlayersRequest,
  issuer: string,
  onUpdate: OnUpdate,
): Promise<void> {
  const timeoutMs = timeoutOf(timeout);
  // One more than the limit: the transfers refuse it.
  const refs = await network.searches.work(playerCommands.refs(target, PLAYERS + 1), issuer);
  const goalOf = transfers.goalOf(destination, reservationId);
  transfers.move(refs, goalOf, { context, timeoutMs, issuer }, onUpdate);
}

function timeoutOf(timeout: WireDuration | undefined): number {
  const ms = timeout ? msOf(timeout) : DEFAULT_MS;
  if (ms > 0 && ms <= LONGEST_MS) return ms;
  const message = 'the timeout of a transfer must be above 0 and at most 5 min';
  throw new KelpieError('DEADLINE_INVALID', message, { limit: String(LONGEST_MS) });
}

export function wireUpdate({ error, ...update }: MoveUpdate): TransferUpdate {
  return { ...update, error: error && wireError(error) };
}
