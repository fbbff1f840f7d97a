/** The transfers under way: one for each player at most, and each ends once, within its deadline. */
import type { PlayerRef } from '../../gen/ts/kelpie/v1/command.js';
import type { TransferDestination, TransferStage } from '../../gen/ts/kelpie/v1/transfer.js';
import { KelpieError } from '../core/errors.js';

/** What the transfers of one request share. */
export interface MoveOptions {
  /** Bytes for the target server. */
  readonly context: Uint8Array;
  /** The time that each transfer has. */
  readonly timeoutMs: number;
  /** Whose request this is; the transfers of one issuer are limited. Undefined: the coordinator's own. */
  readonly issuer?: string;
}

/** The progress or the end of one player's transfer. */
export interface MoveUpdate {
  readonly player: PlayerRef;
  readonly playerName: string;
  /** The node that the player is moved to. Empty: none was chosen. */
  readonly target: string;
  readonly stage: TransferStage;
  /** Set with stage FAILED. */
  readonly error: KelpieError | undefined;
  /** Whether this is the last update of the request. */
  readonly last: boolean;
  /** The players of the request whose transfers have not ended. */
  readonly playersLeft: number;
}

export class Transfers {
  /**
   * Moves players. Calls `onUpdate` for each stage of each player's transfer, and once for its end, never before
   * `move` has returned. The issuer calls `read` when it has read an end: until then the end counts as a transfer
   * of the issuer. Throws TRANSFER_LIMIT, NODE_NOT_FOUND, NO_PUBLIC_ADDRESS, LABELS_INVALID, OUT_OF_RANGE,
   * PAYLOAD_TOO_LARGE or DRAINING, and then moves nobody.
   */
  move(
    _refs: readonly PlayerRef[],
    _destination: TransferDestination | undefined,
    _options: MoveOptions,
    _onUpdate: (update: MoveUpdate, read: () => void) => void,
  ): void {
    throw new KelpieError('FRAME_UNKNOWN', 'this coordinator cannot do that yet');
  }

  /** How many transfers have not ended. */
  get pending(): number {
    return 0;
  }
}
