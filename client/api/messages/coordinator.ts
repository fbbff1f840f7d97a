/** CoordinatorService: the coordinator itself, as messages of the contract. */
import {
  CoordinatorServiceDefinition,
  type GetInfoResponse,
  type ListCoordinatorsResponse,
  type ListSessionsResponse,
} from '../../../gen/ts/kelpie/v1/coordinator_service.js';
import { type CallOptions, callOptions, type CreateService, type Service } from '../call.js';
import { type PageOptions, pageSizeOf } from '../paging.js';

/** The calls of `api.coordinator`, with answers as the contract has them. */
export class CoordinatorMessages {
  readonly #service: Service<typeof CoordinatorServiceDefinition>;

  /** @internal */
  constructor(create: CreateService) {
    this.#service = create(CoordinatorServiceDefinition);
  }

  async info(options: CallOptions = {}): Promise<GetInfoResponse> {
    return this.#service.getInfo({}, callOptions(options));
  }

  async listCoordinators(options: CallOptions = {}): Promise<ListCoordinatorsResponse> {
    return this.#service.listCoordinators({}, callOptions(options));
  }

  async listSessions(
    page: PageOptions = {},
    options: CallOptions = {},
  ): Promise<ListSessionsResponse> {
    const request = { ...page, pageSize: pageSizeOf(page.pageSize) };
    return this.#service.listSessions(request, callOptions(options));
  }
}
