/** Requests about players that have no answer yet. Until the answers the list and the coordinator's table may differ. */
import type { ListedPlayer } from './list.js';

/** The players who wait for an answer, which has their generations. */
type About = readonly { readonly listed: ListedPlayer }[];

export class Exchanges {
  #open = 0;

  get size(): number {
    return this.#open;
  }

  begin(about: About): object {
    const exchange = {};
    this.#open += 1;
    for (const { listed } of about) listed.waitsFor = exchange;
    return exchange;
  }

  end(exchange: object, about: About): void {
    this.#open -= 1;
    for (const { listed } of about) if (listed.waitsFor === exchange) delete listed.waitsFor;
  }
}
