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
import { sameBytes } from '../core/cursor.js';
import { KelpieError, outOfRange } from '../core/errors.js';
import { InTurn } from '../core/in-turn.js';
import { cutText, folded } from '../core/text.js';
import type { Draft, Requirement } from '../journal/journal.js';
import { textOf } from '../network/labels.js';
import type { Network } from '../network/network.js';
import type { Table } from '../network/table.js';
import { invalid, isControlled, NAME_BYTES } from './player.js';

const NAME = 'settings';
const DEFAULTS = NetworkSettings.create();
const MESSAGE = 'The network is in maintenance. Try again later.';
const MESSAGE_BYTES = 4096;
const ALLOWED = 1000;
/** How often another coordinator may change the settings first. */
const ATTEMPTS = 8;

/** The settings, which stay until an operator changes them. */
export class OperatorSettings {
  readonly #network: Pick<Network, 'commit' | 'head'>;
  readonly #clock: Clock;
  readonly #table: Table<NetworkSettings>;
  readonly #turns = new InTurn();
  /** The folded ids and names of the allowed players. */
  #allowed: ReadonlySet<string> = new Set();

  constructor(network: Pick<Network, 'commit' | 'head' | 'table'>, clock: Clock) {
    this.#network = network;
    this.#clock = clock;
    this.#table = network.table('kelpie/', {
      decode: (bytes) => NetworkSettings.decode(bytes),
      resource: (value) => ({ $case: 'settings', value }),
    });
    this.#table.watch((_, __, after) => {
      this.#allowed = new Set(after?.value.allowedPlayers.map(folded));
    });
  }

  get #settings(): NetworkSettings {
    return this.#table.get(NAME)?.value ?? DEFAULTS;
  }

  get(): GetSettingsResponse {
    const settings = this.#settings;
    return { settings, sequence: this.seen().sequence, cursor: this.#network.head };
  }

  /** Replaces the settings. Throws TEXT_TOO_LONG, OUT_OF_RANGE, PLAYER_INVALID or SEQUENCE_CONFLICT. */
  async set(request: SetSettingsRequest): Promise<SetSettingsResponse> {
    const settings = checked(request.settings ?? DEFAULTS);
    const write = () => this.#write(settings, request.expectedSequence);
    const sequence = await this.#turns.run(NAME, write);
    return { sequence, cursor: this.#network.head };
  }

  /** The sequence of the settings after the write. Equal settings are no change. */
  async #write(settings: NetworkSettings, expected: number | undefined): Promise<number> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const seen = this.seen();
      if (expected !== undefined && expected !== seen.sequence) break;
      if (sameSettings(this.#settings, settings)) return seen.sequence;
      const entries = [this.#draft(settings)];
      const outcome = await this.#network.commit({ require: [seen], entries });
      if (outcome.kind === 'stored') return outcome.first;
    }
    throw conflict(this.seen().sequence);
  }

  #draft(settings: NetworkSettings): Draft {
    const topic = this.#table.topicOf(NAME);
    const time = new Date(this.#clock.wall());
    const body: Event['body'] = { $case: 'settingsChanged', value: { settings } };
    const event = Event.encode({ sequence: 0, topic, source: '', time, body }).finish();
    const value = NetworkSettings.encode(settings).finish();
    return { topic, event, source: '', key: this.#table.keyOf(NAME), value };
  }

  /** The requirement that the settings are still as they are now. */
  seen(): Requirement {
    return this.#table.seen(NAME);
  }

  /** The text for a player who may not log in now; undefined: they may. */
  denialOf({ id, uuid, name }: Player): string | undefined {
    const { maintenance, maintenanceMessage } = this.#settings;
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

function sameSettings(left: NetworkSettings, right: NetworkSettings): boolean {
  return sameBytes(NetworkSettings.encode(left).finish(), NetworkSettings.encode(right).finish());
}

function conflict(sequence: number): KelpieError {
  const message =
    'another writer changed the settings; read them, make the change again, and set them with their new sequence';
  return new KelpieError('SEQUENCE_CONFLICT', message, { sequence: String(sequence) });
}
