/** CoordinatorService: the coordinator itself. */
import type { ServiceImplementation } from 'nice-grpc';
import type {
  CoordinatorServiceDefinition,
  GetInfoResponse,
} from '../../gen/ts/kelpie/v1/coordinator_service.js';
import { Durability } from '../../gen/ts/kelpie/v1/coordinator.js';
import { durationOf } from '../core/duration.js';
import { wireLimits } from '../session/handshake.js';
import type { Hub } from '../session/hub.js';

export function coordinatorService(hub: Hub): ServiceImplementation<CoordinatorServiceDefinition> {
  const { tables, options } = hub.network;
  const { clock, journal, limits, coordinatorId, name, version } = options;
  const startedMs = clock.now();
  return {
    async getInfo(): Promise<GetInfoResponse> {
      const { entries, bytes, topics } = journal.usage();
      return {
        coordinatorId,
        version,
        uptime: durationOf(clock.now() - startedMs),
        network: name,
        durability: Durability[journal.durability],
        head: journal.head,
        oldest: journal.oldest,
        entries,
        bytes,
        topics: [...topics],
        sessions: hub.size,
        nodes: tables.nodes.size,
        limits: wireLimits(limits),
      };
    },
  };
}
