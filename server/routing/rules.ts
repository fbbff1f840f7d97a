/** The rules by which players find a server: reads and replaces them. */
import type {
  GetRoutingResponse,
  SetRoutingRequest,
  SetRoutingResponse,
} from '../../gen/ts/kelpie/v1/routing_service.js';
import { RoutingTable } from '../../gen/ts/kelpie/v1/routing.js';
import type { Clock } from '../core/clock.js';
import { sameBytes } from '../core/cursor.js';
import { KelpieError } from '../core/errors.js';
import { InTurn } from '../core/in-turn.js';
import type { Network } from '../network/network.js';
import type { RoutingRows } from './rows.js';
import { checkedTable } from './validation.js';

/** How often another coordinator may change the rules first. */
const ATTEMPTS = 8;

export class RoutingRules {
  readonly #network: Pick<Network, 'commit' | 'head'>;
  readonly #rows: RoutingRows;
  readonly #clock: Clock;
  readonly #turns = new InTurn();

  constructor(network: Pick<Network, 'commit' | 'head'>, rows: RoutingRows, clock: Clock) {
    this.#network = network;
    this.#rows = rows;
    this.#clock = clock;
  }

  get(): GetRoutingResponse {
    const { table, sequence } = this.#rows;
    return { table, sequence, cursor: this.#network.head };
  }

  /** Replaces the rules. Throws the errors of `checkedTable`, or SEQUENCE_CONFLICT. */
  async set({ table, expectedSequence }: SetRoutingRequest): Promise<SetRoutingResponse> {
    const checked = checkedTable(table ?? RoutingTable.create());
    const sequence = await this.#turns.run('', () => this.#write(checked, expectedSequence));
    return { sequence, cursor: this.#network.head };
  }

  /** The sequence of the rules after the write. Equal rules are no change. */
  async #write(table: RoutingTable, expected: number | undefined): Promise<number> {
    const rows = this.#rows;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const seen = rows.seen();
      if (expected !== undefined && expected !== seen.sequence) break;
      if (sameTable(rows.table, table)) return seen.sequence;
      const entries = [rows.draft(table, new Date(this.#clock.wall()))];
      const outcome = await this.#network.commit({ require: [seen], entries });
      if (outcome.kind === 'stored') return outcome.first;
    }
    throw conflict(rows.sequence);
  }
}

function sameTable(left: RoutingTable, right: RoutingTable): boolean {
  return sameBytes(RoutingTable.encode(left).finish(), RoutingTable.encode(right).finish());
}

function conflict(sequence: number): KelpieError {
  const message =
    'another writer changed the routing rules; read them, make the change again, and set them with their new sequence';
  return new KelpieError('SEQUENCE_CONFLICT', message, { sequence: String(sequence) });
}
