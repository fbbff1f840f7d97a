/** The ways of a proxy's players to servers: the roster picks by the rules of the network, from memory. */
import type { FallbackReasonName, KelpieClient, Node, PickOptions } from '../../client/index.js';
import type { Forwarder, Target } from './forwarder.js';
import type { Player } from './library.js';

/** How often a player who comes is brought to the next server, if one does not take them. */
const MAX_TRIES = 3;

/** A player of this proxy. */
export interface Guest {
  /** The UUID: offline accounts have no XUID. */
  readonly id: string;
  readonly player: Player;
  readonly forwarder: Forwarder;
  /** The server that they are on. */
  server: string;
}

export class Routes {
  readonly #kelpie: KelpieClient;

  constructor(kelpie: KelpieClient) {
    this.#kelpie = kelpie;
  }

  /**
   * Brings a player who has joined to a server: the one that their ticket names, or else the one that the rules pick.
   * Resolves with the reason if there is none.
   */
  async enter(guest: Guest, ticketed = ''): Promise<string | undefined> {
    let target = this.#server(ticketed) ?? this.#pick({ for: 'join', player: { id: guest.id } });
    for (let tries = 0; target && tries < MAX_TRIES && !guest.forwarder.over; tries += 1) {
      try {
        await this.#bring(guest, target);
        return undefined;
      } catch {
        const failed = { reason: 'EXCEPTION', fromServer: target.name } as const;
        target = this.#pick({ for: 'fallback', player: { id: guest.id }, ...failed });
      }
    }
    return 'No server is open for you right now.';
  }

  /** Moves a player to this server. Rejects if it does not take them: they stay where they are then. */
  async move(guest: Guest, server: string): Promise<void> {
    const target = this.#server(server);
    if (!target) throw new Error(`${server} has no address`);
    await this.#bring(guest, target);
  }

  /** The player's server is gone: they land on another one, or the proxy disconnects them. */
  async fallBack(guest: Guest, reason: FallbackReasonName): Promise<void> {
    const { id, forwarder, server } = guest;
    if (forwarder.over) return;
    const target = this.#pick({ for: 'fallback', reason, player: { id }, fromServer: server });
    try {
      if (!target) throw new Error(`no server is open: ${reason}`);
      await this.#bring(guest, target);
    } catch (error) {
      console.error(`${guest.player.profile.name} has no server:`, error);
      await forwarder.showOut(`The connection to ${server} was lost.`);
    }
  }

  async #bring(guest: Guest, target: Target): Promise<void> {
    await guest.forwarder.connect(target);
    guest.server = target.name;
    await this.#kelpie.players.moved(guest.id, target.name);
  }

  #server(name: string): Target | undefined {
    return targetOf(this.#kelpie.roster.node(name));
  }

  #pick(need: PickOptions): Target | undefined {
    const picked = this.#kelpie.roster.pick(need);
    return picked && this.#server(picked.server);
  }
}

function targetOf(server: Node | undefined): Target | undefined {
  return server?.address && { name: server.name, ...server.address };
}
