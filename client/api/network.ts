/** NetworkService: the settings of the network, which stay until an operator changes them. */
import type { Cursor } from '../../gen/ts/kelpie/v1/cursor.js';
import { NetworkSettings } from '../../gen/ts/kelpie/v1/settings.js';
import type { CallOptions } from './call.js';
import type { NetworkMessages, SetSettingsOptions, SettingsChange } from './messages/network.js';

/** The settings, and when they were set. */
export interface StoredSettings {
  readonly settings: Readonly<NetworkSettings>;
  /** The sequence of the entry that last wrote the settings. 0: nobody has set any. */
  readonly sequence: number;
  /** Watching `kelpie.settings` after it misses no change. */
  readonly cursor: Cursor | undefined;
}

/** The calls for the settings. */
export class NetworkApi {
  readonly #messages: NetworkMessages;

  /** @internal */
  constructor(messages: NetworkMessages) {
    this.#messages = messages;
  }

  /** The settings. */
  async settings(options: CallOptions = {}): Promise<StoredSettings> {
    const { settings, ...stored } = await this.#messages.settings(options);
    return { settings: settings ?? NetworkSettings.create(), ...stored };
  }

  /**
   * Replaces all settings. Resolves with their sequence. Rejects with SEQUENCE_CONFLICT, TEXT_TOO_LONG, OUT_OF_RANGE
   * or PLAYER_INVALID.
   *
   * @example
   * const { settings, sequence } = await api.network.settings();
   * await api.network.setSettings({ ...settings, maintenance: true }, { expectedSequence: sequence });
   */
  async setSettings(
    settings: SettingsChange,
    options: SetSettingsOptions = {},
  ): Promise<Omit<StoredSettings, 'settings'>> {
    return this.#messages.setSettings(settings, options);
  }
}
