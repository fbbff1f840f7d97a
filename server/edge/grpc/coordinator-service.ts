/** CoordinatorService: the coordinator itself. */
import type { ServiceImplementation } from 'nice-grpc';
import {
  type CoordinatorServiceDefinition,
  type ListCoordinatorsResponse,
  Session,
  type TopicRetention,
} from '../../../gen/ts/kelpie/v1/coordinator_service.js';
import { Durability } from '../../../gen/ts/kelpie/v1/coordinator.js';
import { pageOf } from '../../network/pages.js';
import { durationOf } from '../../core/duration.js';
import type { Usage } from '../../journal/journal.js';
import { wireLimits } from '../../session/handshake.js';
import type { SessionServices } from '../../session/services.js';

function topicRetention({ limits, entries, bytes }: Usage['own'][number]): TopicRetention {
  return {
    topic: limits.prefix,
    entries,
    bytes,
    maxEntries: limits.entries ?? 0,
    maxBytes: limits.bytes ?? 0,
    maxAge: limits.ageMs === undefined ? undefined : durationOf(limits.ageMs),
  };
}

function listCoordinators(members: SessionServices['members']): ListCoordinatorsResponse {
  const coordinators = Array.from(members.all.values(), (one) => ({
    id: one.id,
    version: one.version,
    endpoint: one.endpoint,
    sessions: one.sessions,
    draining: one.draining,
    entriesBehind: one.lagEntries,
    silence: durationOf(members.silentMs(one.id)),
  }));
  coordinators.sort((left, right) => (left.id < right.id ? -1 : 1));
  return { coordinators, coordinatorId: members.id };
}

/** The services that the answers are read from. */
export type CoordinatorFacts = Pick<
  SessionServices,
  'network' | 'nodeRows' | 'playerWriter' | 'registry' | 'identity' | 'members' | 'limits' | 'clock'
>;

export function coordinatorService(
  facts: CoordinatorFacts,
): ServiceImplementation<CoordinatorServiceDefinition> {
  const { network, nodeRows, playerWriter, registry, identity, members, limits, clock } = facts;
  const { journal } = network;
  const listing = {
    after: (key: string) => nodeRows.owners.names.after(key),
    item: (node: string) => registry.report(node),
    bytesOf: (session: Session) => Session.encode(session).finish().length,
  };
  return {
    async getInfo() {
      const { entries, bytes, topics, own } = journal.usage();
      return {
        coordinatorId: identity.coordinatorId,
        version: identity.version,
        uptime: durationOf(clock.now() - identity.startedMs),
        network: identity.network,
        durability: Durability[journal.durability],
        head: journal.head,
        oldest: journal.oldest,
        ...{ entries, bytes, topics: [...topics] },
        sessions: registry.size,
        nodes: nodeRows.nodes.size,
        limits: wireLimits(limits),
        retentionTopics: own.map(topicRetention),
        players: playerWriter.rows.online,
        readOnly: network.readOnly,
        warnings: [...(identity.engine?.warnings() ?? [])],
        engine: identity.engine?.name ?? '',
      };
    },
    listCoordinators: async () => listCoordinators(members),
    async listSessions(request, { peer }) {
      const page = pageOf(listing, journal.head, request, 'sessions');
      const { items, nextPageToken } = await network.searches.work(page, peer);
      return { sessions: items, nextPageToken };
    },
  };
}
