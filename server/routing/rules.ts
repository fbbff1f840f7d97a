/** The rules by which players find a server: reads and replaces them. */
import type {
  GetRoutingResponse,
  SetRoutingRequest,
  SetRoutingResponse,
} from '../../gen/ts/kelpie/v1/routing_service.js';
import { RoutingTable } from '../../gen/ts/kelpie/v1/routing.js';
import type { Clock } from '../core/clock.js';
import type { Network } from '../network/network.js';
import { Replacement } from '../network/replacement.js';
import type { RoutingRows } from './rows.js';
import { checkedTable } from './validation.js';

export class RoutingRules {
  readonly #network: Pick<Network, 'commit' | 'head'>;
  readonly #rows: RoutingRows;
  readonly #replacement: Replacement<RoutingTable>;

  constructor(network: Pick<Network, 'commit' | 'head'>, rows: RoutingRows, clock: Clock) {
    this.#network = network;
    this.#rows = rows;
    this.#replacement = new Replacement(network, rows, clock);
  }

  get(): GetRoutingResponse {
    const { value: table, sequence } = this.#rows;
    return { table, sequence, cursor: this.#network.head };
  }

  /** Replaces the rules. Throws the errors of `checkedTable`, or SEQUENCE_CONFLICT. */
  async set({ table, expectedSequence }: SetRoutingRequest): Promise<SetRoutingResponse> {
    const checked = checkedTable(table ?? RoutingTable.create());
    const sequence = await this.#replacement.replace(checked, expectedSequence);
    return { sequence, cursor: this.#network.head };
  }
}
