/** NetworkService: the settings of the network. */
import type { ServiceImplementation } from 'nice-grpc';
import type { NetworkServiceDefinition } from '../../../gen/ts/kelpie/v1/network_service.js';
import type { OperatorSettings } from '../../players/settings.js';

export function networkService(
  settings: OperatorSettings,
): ServiceImplementation<NetworkServiceDefinition> {
  return {
    getSettings: async () => settings.get(),
    setSettings: (request) => settings.set(request),
  };
}
