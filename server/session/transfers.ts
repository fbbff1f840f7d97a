/** The transfers that one session requested. */
import type { TransferPlayersRequest } from '../../gen/ts/kelpie/v1/player_service.js';
import { KelpieError } from '../core/errors.js';
import type { Outbound } from './outbound.js';
import type { SessionServices } from './services.js';

export class TransferRequests {
  constructor(_services: SessionServices, _outbound: Outbound, _name: string) {}

  transfer(_requestId: number, _request: TransferPlayersRequest): void {
    throw new KelpieError('FRAME_UNKNOWN', 'this coordinator cannot do that yet');
  }
}
