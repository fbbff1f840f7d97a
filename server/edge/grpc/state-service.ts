/** StateService: the shared values of the network. */
import type { CallContext, ServiceImplementation } from 'nice-grpc';
import type {
  DeleteValueRequest,
  DeleteValueResponse,
  GetValueRequest,
  GetValueResponse,
  ListValuesRequest,
  ListValuesResponse,
  PutValueRequest,
  PutValueResponse,
  StateServiceDefinition,
} from '../../../gen/ts/kelpie/v1/state_service.js';
import type { Network } from '../../network/network.js';
import type { SharedValues } from '../../state/values.js';

export function stateService(
  network: Pick<Network, 'head'>,
  values: SharedValues,
): ServiceImplementation<StateServiceDefinition> {
  return {
    async getValue(request: GetValueRequest): Promise<GetValueResponse> {
      return values.get(request);
    },
    async listValues(
      request: ListValuesRequest,
      { peer }: CallContext,
    ): Promise<ListValuesResponse> {
      const { items, ...page } = await values.list(request, peer);
      return { values: items, ...page };
    },
    async putValue(request: PutValueRequest): Promise<PutValueResponse> {
      return { sequence: await values.put(request), cursor: network.head };
    },
    async deleteValue(request: DeleteValueRequest): Promise<DeleteValueResponse> {
      await values.delete(request);
      return { cursor: network.head };
    },
  };
}
