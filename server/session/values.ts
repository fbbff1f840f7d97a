/** The requests of one session about shared values. */
import type {
  DeleteValueRequest,
  GetValueRequest,
  PutValueRequest,
} from '../../gen/ts/kelpie/v1/state_service.js';
import { KelpieError } from '../core/errors.js';
import type { Frame } from '../delivery/frames.js';
import type { ProxySession } from '../players/proxy-session.js';
import type { SessionServices } from './services.js';

export class ValueRequests {
  constructor(_services: SessionServices, _session: ProxySession) {}

  async get(_request: GetValueRequest): Promise<() => Frame> {
    throw new KelpieError('FRAME_UNKNOWN', 'this coordinator cannot do that yet');
  }

  async put(_request: PutValueRequest): Promise<() => Frame> {
    throw new KelpieError('FRAME_UNKNOWN', 'this coordinator cannot do that yet');
  }

  async delete(_request: DeleteValueRequest): Promise<void> {
    throw new KelpieError('FRAME_UNKNOWN', 'this coordinator cannot do that yet');
  }
}
