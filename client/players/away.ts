/** The rule for a login that no coordinator decides. */
import type { Player } from '../../gen/ts/kelpie/v1/player.js';
import type { NetworkSettings } from '../../gen/ts/kelpie/v1/settings.js';
import { folded } from '../core/name.js';
import type { Acquired, PlayersOptions } from './options.js';

/** The text of a coordinator, where the operator set none. */
const MAINTENANCE = 'The network is in maintenance. Try again later.';
const UNREACHABLE = 'The network cannot be reached right now. Try again soon.';

export class Away {
  readonly #whenAway: PlayersOptions['whenAway'];
  readonly #settings: () => NetworkSettings;
  /** The settings that the set of allowed players was made of. */
  #known: NetworkSettings | undefined;
  #allowed: ReadonlySet<string> = new Set();

  /** `settings`: those of the roster, which are the newest that the client has. */
  constructor(whenAway: PlayersOptions['whenAway'], settings: () => NetworkSettings) {
    this.#whenAway = whenAway;
    this.#settings = settings;
  }

  /** `isIn`: the player is on this proxy already, and stays in the network. */
  decide(player: Player, isIn: boolean): Acquired {
    const settings = this.#settings();
    if (settings.maintenance && !isIn && !this.#isAllowed(player, settings)) {
      const { maintenanceMessage } = settings;
      const text = maintenanceMessage === '' ? MAINTENANCE : maintenanceMessage;
      return { granted: false, text, reason: 'MAINTENANCE' };
    }
    if (this.#whenAway === 'deny') return { granted: false, text: UNREACHABLE };
    return { granted: true, generation: 0 };
  }

  #isAllowed({ id, uuid, name }: Player, settings: NetworkSettings): boolean {
    if (this.#known !== settings) {
      this.#known = settings;
      this.#allowed = new Set(settings.allowedPlayers.map(folded));
    }
    return [id, uuid, name].some((one) => this.#allowed.has(folded(one)));
  }
}
