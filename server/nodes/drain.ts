/**
 * Drains of nodes, as operators set them. The row of a drain outlives its node: each process that takes the name
 * joins as a drained node, until the operator cancels the drain. Row and node change in one transaction, which
 * requires both as they were; so does each claim of a name. So no claim at the same time loses a drain.
 */
import type { DrainRow } from '../../gen/ts/kelpie/storage/v1/transfer_rows.js';
import type { DrainNodeRequest } from '../../gen/ts/kelpie/v1/node_service.js';
import { type Node, NodeRole } from '../../gen/ts/kelpie/v1/node.js';
import { KelpieError } from '../core/errors.js';
import type { Clock } from '../core/clock.js';
import type { InTurn } from '../core/in-turn.js';
import type { Draft } from '../journal/journal.js';
import type { Network } from '../network/network.js';
import { drainedNode } from './change.js';
import { findNode } from './queries.js';
import { nodeContested, type NodeRows } from './rows.js';
import { sameNode } from './updates.js';

/** How often another coordinator may change the rows first. */
const ATTEMPTS = 8;
/** The most nodes that operators drain, nodes that have left among them. */
const DRAINS = 1000;

export interface DrainOptions {
  readonly clock: Clock;
  /** Orders these changes with all other writes of the row of a node. */
  readonly turns: InTurn;
  /** The id of this coordinator, which moves the players. */
  readonly own: string;
}

export class NodeDrains {
  readonly #network: Pick<Network, 'commit'>;
  readonly #rows: NodeRows;
  readonly #clock: Clock;
  readonly #turns: InTurn;
  readonly #own: string;
  /** Drains of further nodes whose writes wait for the journal. */
  #beginning = 0;

  constructor(network: Pick<Network, 'commit'>, rows: NodeRows, options: DrainOptions) {
    this.#network = network;
    this.#rows = rows;
    this.#clock = options.clock;
    this.#turns = options.turns;
    this.#own = options.own;
  }

  /**
   * Stores the drain of the node that the request names, in place of an earlier one. Throws NODE_NOT_FOUND,
   * ROLE_HOLDS_NO_PLAYERS or TRANSFER_LIMIT.
   */
  async begin(request: DrainNodeRequest): Promise<void> {
    const { name, drains } = this.#checked(request);
    const further = drains.get(name) ? 0 : 1;
    if (drains.size + this.#beginning + further > DRAINS) throw tooMany();
    this.#beginning += further;
    try {
      await this.#write(name, () => {
        this.#checked(request);
        const drain = { request: { ...request, name }, ended: false, coordinatorId: this.#own };
        return [...this.#shown(name, true), this.#rows.drainDraft(name, drain)];
      });
    } finally {
      this.#beginning -= further;
    }
  }

  #checked({ name: typed }: DrainNodeRequest) {
    const { name, role } = findNode(this.#rows, typed).value;
    if (role === NodeRole.SERVICE) throw holdsNoPlayers(name);
    return { name, drains: this.#rows.drains };
  }

  /** Gives the node its own state back. A node that nobody drains is no error. Throws NODE_NOT_FOUND. */
  async cancel(typed: string): Promise<Node | undefined> {
    const { nodes, drains } = this.#rows;
    const name = typed.toLowerCase();
    await this.#write(name, () => {
      if (drains.get(name)) return [...this.#shown(name, false), this.#rows.drainDraft(name, null)];
      findNode(this.#rows, typed);
      return [];
    });
    return nodes.get(name)?.value;
  }

  /** Stores that the drain of this sequence moves no more players. False: it is another drain by now. */
  end(name: string, sequence: number): Promise<boolean> {
    return this.#change(name, sequence, { ended: true });
  }

  /** Stores that this coordinator moves the players from now on. False: another one was faster. */
  takeOver(name: string, sequence: number): Promise<boolean> {
    return this.#change(name, sequence, { coordinatorId: this.#own });
  }

  async #change(name: string, sequence: number, change: Partial<DrainRow>): Promise<boolean> {
    const { drains } = this.#rows;
    const drain = drains.get(name);
    if (drain?.sequence !== sequence) return false;
    const written = await this.#network.commit({
      require: [{ key: drains.keyOf(name), sequence }],
      entries: [this.#rows.drainDraft(name, { ...drain.value, ...change })],
    });
    return written.kind === 'stored';
  }

  /**
   * The entry that shows the node as drained or not, where a node has the name and is not shown so. It comes before
   * the entry of the drain, so that whoever follows drains reads the node as it is shown then.
   */
  #shown(name: string, drained: boolean): Draft[] {
    const node = this.#rows.nodes.get(name)?.value;
    const row = node && drainedNode(node, drained);
    if (!node || !row || sameNode(node, row)) return [];
    return [this.#rows.updateDraft(row, new Date(this.#clock.wall()))];
  }

  /** Writes these entries if the node and its drain are still as `draftsNow` read them, else reads them again. */
  #write(name: string, draftsNow: () => Draft[]): Promise<void> {
    return this.#turns.run(name, async () => {
      const rows = this.#rows;
      for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
        const require = [rows.seen(name), rows.drains.seen(name)];
        const entries = draftsNow();
        if (entries.length === 0) return;
        const written = await this.#network.commit({ require, entries });
        if (written.kind === 'stored') return;
      }
      throw nodeContested(name);
    });
  }
}

/** The error for a node that holds no players. */
function holdsNoPlayers(name: string): KelpieError {
  const message = `"${name}" is a service and holds no players; drain a proxy or a server`;
  return new KelpieError('ROLE_HOLDS_NO_PLAYERS', message, { name });
}

function tooMany(): KelpieError {
  const message = `operators drain ${DRAINS} nodes already; cancel drains that have done their work`;
  return new KelpieError('TRANSFER_LIMIT', message, { limit: String(DRAINS) });
}
