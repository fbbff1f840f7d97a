/** NetworkService: the settings of the network, as messages of the contract. */
import {
  type GetSettingsResponse,
  NetworkServiceDefinition,
  type SetSettingsResponse,
} from '../../../gen/ts/kelpie/v1/network_service.js';
import { flag, text, textList, whole } from '../../core/arguments.js';
import { known } from '../../core/known.js';
import { type CallOptions, callOptions, type CreateService, type Service } from '../call.js';

/** The settings of the network. A setting that is left out gets its default. */
export interface SettingsChange {
  /** Whether only the allowed players log in. Default false. */
  readonly maintenance?: boolean;
  /** The text that other players see: at most 4 KiB. Default: a text of the coordinator. */
  readonly maintenanceMessage?: string;
  /** The ids, UUIDs and names, in any case, of the players who log in all the same: at most 1,000. */
  readonly allowedPlayers?: readonly string[];
}

/** The options of `setSettings`. */
export interface SetSettingsOptions extends CallOptions {
  /**
   * The sequence that `settings` answered: the coordinator stores nothing if another writer was faster
   * (SEQUENCE_CONFLICT). Without it the new settings replace the present ones.
   */
  readonly expectedSequence?: number;
}

const FIELDS = { maintenance: 1, maintenanceMessage: 1, allowedPlayers: 1 };

/** The calls of `api.network`, with answers as the contract has them. */
export class NetworkMessages {
  readonly #service: Service<typeof NetworkServiceDefinition>;

  /** @internal */
  constructor(create: CreateService) {
    this.#service = create(NetworkServiceDefinition);
  }

  async settings(options: CallOptions = {}): Promise<GetSettingsResponse> {
    return this.#service.getSettings({}, callOptions(options));
  }

  async setSettings(
    settings: SettingsChange,
    { expectedSequence, ...options }: SetSettingsOptions = {},
  ): Promise<SetSettingsResponse> {
    const {
      maintenance = false,
      maintenanceMessage = '',
      allowedPlayers = [],
    } = known('settings', settings, FIELDS);
    const request = {
      settings: {
        maintenance: flag('maintenance', maintenance),
        maintenanceMessage: text('maintenanceMessage', maintenanceMessage),
        allowedPlayers: textList('allowedPlayers', allowedPlayers),
      },
      expectedSequence:
        expectedSequence === undefined ? undefined : whole('expectedSequence', expectedSequence),
    };
    return this.#service.setSettings(request, callOptions(options));
  }
}
