/** CoordinatorService, and the standard service for health: the coordinator itself. */
import { HealthDefinition } from 'nice-grpc-server-health';
import {
  CoordinatorServiceDefinition,
  type GetInfoResponse,
  type ListSessionsResponse,
  type Session,
} from '../../gen/ts/kelpie/v1/coordinator_service.js';
import { type CallOptions, callOptions, type CreateService, type Service } from './call.js';
import { type PageOptions, pagesOf } from './paging.js';

/** In grpc.health.v1. */
const SERVING = 1;

export class CoordinatorApi {
  readonly #service: Service<typeof CoordinatorServiceDefinition>;
  readonly #health: Service<typeof HealthDefinition>;

  /** @internal */
  constructor(create: CreateService) {
    this.#service = create(CoordinatorServiceDefinition);
    this.#health = create(HealthDefinition);
  }

  /** What the coordinator is and how it does. */
  async info(options: CallOptions = {}): Promise<GetInfoResponse> {
    return this.#service.getInfo({}, callOptions(options));
  }

  /** One page of the sessions that this coordinator holds, by the names of their nodes. */
  async listSessions(
    page: PageOptions = {},
    options: CallOptions = {},
  ): Promise<ListSessionsResponse> {
    return this.#service.listSessions(page, callOptions(options));
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
