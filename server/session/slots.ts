/** The reservations that one session requests. */
import type {
  ReleaseSlotsRequest,
  ReserveSlotsRequest,
} from '../../gen/ts/kelpie/v1/node_service.js';
import { KelpieError } from '../core/errors.js';
import type { Frame } from '../delivery/frames.js';
import type { ProxySession } from '../players/proxy-session.js';
import type { SessionServices } from './services.js';

export class SlotRequests {
  constructor(_services: SessionServices, _session: ProxySession) {}

  async reserve(_request: ReserveSlotsRequest): Promise<() => Frame> {
    throw new KelpieError('FRAME_UNKNOWN', 'this coordinator cannot do that yet');
  }

  async release(_request: ReleaseSlotsRequest): Promise<void> {
    throw new KelpieError('FRAME_UNKNOWN', 'this coordinator cannot do that yet');
  }
}
