/** CoordinatorService, and the standard service for health: the coordinator itself. */
import { HealthDefinition } from 'nice-grpc-server-health';
import type {
  Coordinator,
  GetInfoResponse,
  ListSessionsResponse,
  Session,
  TopicRetention as WireRetention,
} from '../../gen/ts/kelpie/v1/coordinator_service.js';
import { msOf } from '../core/duration.js';
import { durabilityNameOf, type DurabilityName } from '../core/spelling.js';
import { type CallOptions, callOptions, type CreateService, type Service } from './call.js';
import type { CoordinatorMessages } from './messages/coordinator.js';
import { type PageOptions, pagesOf } from './paging.js';

/** A retention of its own that a pattern of topics has. A limit of 0 is none. */
export interface TopicRetention extends Readonly<Omit<WireRetention, 'maxAge'>> {
  /** How old an entry can become, in milliseconds. */
  readonly maxAgeMs: number;
}

/** The facts of the coordinator, and the load it has. */
export interface CoordinatorInfo extends Readonly<
  Omit<GetInfoResponse, 'durability' | 'uptime' | 'retentionTopics'>
> {
  /** The faults that an acknowledged event survives. */
  readonly durability: DurabilityName;
  /** How long the coordinator runs, in milliseconds. */
  readonly uptimeMs: number;
  readonly retentionTopics: readonly TopicRetention[];
}

/** In grpc.health.v1. */
const SERVING = 1;

/** The calls for the coordinator itself. */
export class CoordinatorApi {
  readonly #messages: CoordinatorMessages;
  readonly #health: Service<typeof HealthDefinition>;

  /** @internal */
  constructor(messages: CoordinatorMessages, create: CreateService) {
    this.#messages = messages;
    this.#health = create(HealthDefinition);
  }

  /** The facts of the coordinator, and the load it has. */
  async info(options: CallOptions = {}): Promise<CoordinatorInfo> {
    const { uptime, durability, retentionTopics, ...info } = await this.#messages.info(options);
    return {
      ...info,
      durability: durabilityNameOf(durability),
      uptimeMs: msOf(uptime, 0),
      retentionTopics: retentionTopics.map(({ maxAge, ...topic }) => ({
        ...topic,
        maxAgeMs: msOf(maxAge, 0),
      })),
    };
  }

  /** The coordinators that serve the network together, as the one that answers sees them. */
  async list(options: CallOptions = {}): Promise<readonly Coordinator[]> {
    return (await this.#messages.listCoordinators(options)).coordinators;
  }

  /** One page of the sessions that this coordinator holds, by the names of their nodes. */
  async listSessions(
    page: PageOptions = {},
    options: CallOptions = {},
  ): Promise<ListSessionsResponse> {
    return this.#messages.listSessions(page, options);
  }

  /** All sessions that this coordinator holds. */
  async *sessions(options: CallOptions = {}): AsyncGenerator<Session, void> {
    const pages = pagesOf((pageToken) => this.listSessions({ pageSize: 1000, pageToken }, options));
    for await (const { sessions } of pages) yield* sessions;
  }

  /** Whether it serves: not while it drains, nor after its journal became read-only. */
  async isServing(options: CallOptions = {}): Promise<boolean> {
    const { status } = await this.#health.check({ service: '' }, callOptions(options));
    return (status as number) === SERVING;
  }
}
