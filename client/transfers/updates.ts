/** The progress and the end of transfers, as programs get them. Pure. */
import type { TransferUpdate as WireUpdate } from '../../gen/ts/kelpie/v1/transfer.js';
import { type PlayerRef, refOf } from '../commands/refs.js';
import { transferStageNameOf, type TransferStageName } from '../core/spelling.js';
import { fromWire, type KelpieError } from '../errors.js';

/** The progress or the end of the transfer of one player. */
export interface TransferUpdate {
  /** The player. Generation 0: the look-up found nobody. */
  readonly player: PlayerRef;
  readonly playerName: string;
  /** The node that the player is moved to; empty: none was chosen. */
  readonly target: string;
  /** ARRIVED and FAILED end the transfer. */
  readonly stage: TransferStageName;
  /** Set with FAILED. */
  readonly error?: KelpieError;
  /** How many players of the request have a transfer that has not ended. */
  readonly playersLeft: number;
}

/** The end of a transfer that brought the player to their goal. */
export interface Arrived {
  readonly player: PlayerRef;
  /** The server that the player is on, or the proxy that they came to. */
  readonly target: string;
}

/** An update of the contract in the form of programs. */
export function updateOf({ player, error, ...wire }: WireUpdate): TransferUpdate {
  return {
    player: player ? refOf(player) : { id: '', generation: 0 },
    playerName: wire.playerName,
    target: wire.target,
    stage: transferStageNameOf(wire.stage),
    ...(error && { error: fromWire(error) }),
    playersLeft: wire.playersLeft,
  };
}
