/** Chooses between servers for the players of one request, as a routing rule does. */
import { RoutingOccasion, RoutingRule } from '../../gen/ts/kelpie/v1/routing.js';
import type { ServerSelection } from '../../gen/ts/kelpie/v1/transfer.js';
import { pick, type Plan, planOf } from '../routing/pick.js';
import { drawRandom } from '../routing/picker.js';
import type { Servers } from '../routing/servers.js';

export class Selecting {
  readonly #servers: Servers;
  readonly #rule: RoutingRule;
  #plan: Plan | undefined;
  #turn = 0;

  constructor(servers: Servers, { servers: to, strategy }: ServerSelection) {
    this.#servers = servers;
    this.#rule = RoutingRule.create({ to, strategy });
  }

  /** Another server than the one that the player is on; undefined: none is open. */
  choose(fromServer: string, lastServer: string) {
    const turn = this.#turn;
    const { server, lastResort } = pick(this.#current(), {
      // A pick for a FALLBACK leaves out the server that the player comes from.
      ...{ occasion: RoutingOccasion.FALLBACK, fromServer, lastServer },
      random: drawRandom(),
      turns: () => turn,
    });
    if (server === undefined) return undefined;
    this.#turn += 1;
    return { name: server, lastResort };
  }

  #current(): Plan {
    const { all } = this.#servers;
    if (this.#plan?.servers !== all) this.#plan = planOf({ rules: [this.#rule] }, all);
    return this.#plan;
  }
}
