/**
 * The settings of the network. In maintenance only some players log in. The rule holds for logins that ask. A join
 * without a grant, and a list of players, are facts: the player is in already, and the coordinator stores it.
 */
import { Event } from '../../gen/ts/kelpie/v1/event.js';
import type {
  GetSettingsResponse,
  SetSettingsRequest,
  SetSettingsResponse,
} from '../../gen/ts/kelpie/v1/network_service.js';
import type { Player } from '../../gen/ts/kelpie/v1/player.js';
import { NetworkSettings } from '../../gen/ts/kelpie/v1/settings.js';
import type { Clock } from '../core/clock.js';
import { outOfRange } from '../core/errors.js';
import { cutText, folded } from '../core/text.js';
import type { Draft, Requirement } from '../journal/journal.js';
import { textOf } from '../network/labels.js';
import type { Network } from '../network/network.js';
import { type Replaceable, Replacement } from '../network/replacement.js';
import type { Table } from '../network/table.js';
import { invalid, isControlled, NAME_BYTES } from './player.js';

const NAME = 'settings';
const DEFAULTS = NetworkSettings.create();
const MESSAGE = 'The network is in maintenance. Try again later.';
const MESSAGE_BYTES = 4096;
const ALLOWED = 1000;

/** The settings, which stay until an operator changes them. */
export class OperatorSettings implements Replaceable<NetworkSettings> {
  readonly title = 'settings';
  readonly #network: Pick<Network, 'head'>;
  readonly #table: Table<NetworkSettings>;
  readonly #replacement: Replacement<NetworkSettings>;
  /** The folded ids and names of the allowed players. */
  #allowed: ReadonlySet<string> = new Set();

  constructor(network: Pick<Network, 'commit' | 'head' | 'table'>, clock: Clock) {
    this.#network = network;
    this.#replacement = new Replacement(network, this, clock);
    this.#table = network.table('kelpie/', {
      decode: (bytes) => NetworkSettings.decode(bytes),
      resource: (value) => ({ $case: 'settings', value }),
    });
    this.#table.watch((_, __, after) => {
      this.#allowed = new Set(after?.value.allowedPlayers.map(folded));
    });
  }

  /** The present settings. */
  get value(): NetworkSettings {
    return this.#table.get(NAME)?.value ?? DEFAULTS;
  }

  get(): GetSettingsResponse {
    const settings = this.value;
    return { settings, sequence: this.seen().sequence, cursor: this.#network.head };
  }

  /** Replaces the settings. Throws TEXT_TOO_LONG, OUT_OF_RANGE, PLAYER_INVALID or SEQUENCE_CONFLICT. */
  async set(request: SetSettingsRequest): Promise<SetSettingsResponse> {
    const settings = checked(request.settings ?? DEFAULTS);
    const sequence = await this.#replacement.replace(settings, request.expectedSequence);
    return { sequence, cursor: this.#network.head };
  }

  encode(settings: NetworkSettings): Uint8Array {
    return NetworkSettings.encode(settings).finish();
  }

  /** The entry that replaces the settings. */
  draft(settings: NetworkSettings, time: Date): Draft {
    const topic = this.#table.topicOf(NAME);
    const body: Event['body'] = { $case: 'settingsChanged', value: { settings } };
    const event = Event.encode({ sequence: 0, topic, source: '', time, body }).finish();
    return { topic, event, source: '', key: this.#table.keyOf(NAME), value: this.encode(settings) };
  }

  /** The requirement that the settings are still as they are now. */
  seen(): Requirement {
    return this.#table.seen(NAME);
  }

  /** The text for a player who may not log in now; undefined: they may. */
  denialOf({ id, uuid, name }: Player): string | undefined {
    const { maintenance, maintenanceMessage } = this.value;
    if (!maintenance || [id, uuid, name].some((one) => this.#allowed.has(folded(one)))) {
      return undefined;
    }
    return maintenanceMessage === '' ? MESSAGE : maintenanceMessage;
  }
}

/** The settings without repeated players. Throws TEXT_TOO_LONG, OUT_OF_RANGE or PLAYER_INVALID. */
function checked({
  maintenance,
  maintenanceMessage,
  allowedPlayers,
}: NetworkSettings): NetworkSettings {
  textOf('maintenance_message', maintenanceMessage, MESSAGE_BYTES);
  if (allowedPlayers.length > ALLOWED) {
    const message = `${allowedPlayers.length} allowed players; the limit is ${ALLOWED}`;
    throw outOfRange('allowed_players', ALLOWED, message);
  }
  const allowed = new Map<string, string>();
  for (const player of allowedPlayers) {
    checkPlayer(player);
    const form = folded(player);
    if (!allowed.has(form)) allowed.set(form, player);
  }
  return { maintenance, maintenanceMessage, allowedPlayers: [...allowed.values()] };
}

function checkPlayer(player: string): void {
  const bytes = Buffer.byteLength(player);
  const shown = cutText(player, NAME_BYTES);
  if (bytes < 1 || bytes > NAME_BYTES) {
    const message = `the allowed player "${shown}" has ${bytes} bytes; 1 to ${NAME_BYTES} fit`;
    throw invalid('allowed_players', message, NAME_BYTES);
  }
  if (isControlled(player)) {
    const message = `the allowed player "${shown}" contains control characters; remove them`;
    throw invalid('allowed_players', message);
  }
}
