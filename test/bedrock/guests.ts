/** The players of a proxy, from their login until they leave. */
import type { Display, KelpieClient, Policy, Verified } from '../../client/index.js';
import { show } from './display.js';
import { Forwarder } from './forwarder.js';
import type { Player } from './library.js';
import type { Guest, Routes } from './routes.js';

export class Guests {
  readonly #kelpie: KelpieClient;
  readonly #policy: Policy;
  readonly #routes: Routes;
  readonly #byId = new Map<string, Guest>();

  constructor(kelpie: KelpieClient, policy: Policy, routes: Routes) {
    this.#kelpie = kelpie;
    this.#policy = policy;
    this.#routes = routes;
  }

  get(id: string): Guest | undefined {
    return this.#byId.get(id);
  }

  on(server: string): Guest[] {
    return [...this.#byId.values()].filter((guest) => guest.server === server);
  }

  /** A player has logged in. */
  async welcome(player: Player): Promise<void> {
    const forwarder = new Forwarder(player, () => void this.#routes.fallBack(guest, 'EXCEPTION'));
    const guest: Guest = { id: player.profile.uuid, player, forwarder, server: '' };
    try {
      const refusal = await this.#admit(guest);
      if (refusal !== undefined) await forwarder.showOut(refusal);
    } catch (error) {
      console.error(`${player.profile.name} did not get in:`, error);
      await forwarder.showOut('You cannot join right now. Try again soon.');
    }
  }

  /** Resolves when the player is on a server, or with the reason why not. */
  async #admit(guest: Guest): Promise<string | undefined> {
    const { id, player, forwarder } = guest;
    const { players } = this.#kelpie;
    const facts = { uuid: id, name: player.profile.name };
    const login = await players.acquire(facts, { policy: this.#policy });
    if (!login.granted) return login.text;
    if (forwarder.over) {
      await players.release(id);
      return undefined;
    }
    this.#byId.set(id, guest);
    player.once('close', () => {
      this.#leave(guest).catch((error: unknown) => console.error('not reported:', error));
    });
    await players.joined(facts);
    return this.#routes.enter(guest, login.ticket?.server);
  }

  /** Reports the leave of a player, unless the proxy disconnected them: then the coordinator knows it already. */
  async #leave(guest: Guest): Promise<void> {
    if (this.#byId.get(guest.id) !== guest) return;
    this.#byId.delete(guest.id);
    await this.#kelpie.players.left(guest.id);
  }

  showOut(id: string, text: string): void {
    const guest = this.#byId.get(id);
    this.#byId.delete(id);
    void guest?.forwarder.showOut(text);
  }

  show(id: string, display: Display): void {
    const guest = this.#byId.get(id);
    if (guest) show(guest.player, display);
  }

  async verify(id: string): Promise<Verified> {
    const guest = this.#byId.get(id);
    if (!guest) return { connected: false };
    return { connected: true, silenceMs: await guest.forwarder.silenceMs() };
  }
}
