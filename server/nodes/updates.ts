/**
 * Changes of nodes, as their owners and operators ask for them. Those of one node that wait become one
 * write: however many come at once, none refuses another.
 */
import { Node, type NodeChange } from '../../gen/ts/kelpie/v1/node.js';
import { sameBytes } from '../core/cursor.js';
import { KelpieError } from '../core/errors.js';
import { FairTurn } from '../core/fair-turn.js';
import type { InTurn } from '../core/in-turn.js';
import type { Clock } from '../core/clock.js';
import type { Network } from '../network/network.js';
import { changedNode } from './change.js';
import { findNode } from './queries.js';
import { nodeContested, type NodeRows } from './rows.js';

/** How often another coordinator may be faster with a node. */
const ATTEMPTS = 8;

/** A change that somebody waits for. */
interface Wanted {
  readonly change: NodeChange;
  /** Of the owner in whose name it is; undefined: an operator's. */
  readonly generation: number | undefined;
  readonly resolve: (row: Node) => void;
  readonly reject: (error: unknown) => void;
}

export class NodeUpdates {
  readonly #network: Pick<Network, 'commit'>;
  readonly #rows: NodeRows;
  readonly #clock: Clock;
  readonly #turns: InTurn;
  readonly #wanted = new Map<string, Wanted[]>();

  /** In their turns, all that writes the row of a node does so. */
  constructor(network: Pick<Network, 'commit'>, rows: NodeRows, clock: Clock, turns: InTurn) {
    this.#network = network;
    this.#rows = rows;
    this.#clock = clock;
    this.#turns = turns;
  }

  /** Resolves with the node as it is stored then. Throws what `NodeClaims.update` names. */
  update(name: string, change: NodeChange, generation?: number): Promise<Node> {
    return new Promise((resolve, reject) => {
      const one = { change, generation, resolve, reject };
      const waiting = this.#wanted.get(name);
      if (waiting) return void waiting.push(one);
      this.#wanted.set(name, [one]);
      void this.#turns.run(name, () => this.#writeAll(name));
    });
  }

  async #writeAll(name: string): Promise<void> {
    const wanted = this.#wanted.get(name) ?? [];
    this.#wanted.delete(name);
    try {
      await this.#write(name, wanted);
    } catch (error) {
      for (const { reject } of wanted) reject(error);
    }
  }

  async #write(name: string, wanted: readonly Wanted[]): Promise<void> {
    const rows = this.#rows;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const known = findNode(rows, name);
      const seen = rows.seen(name);
      const fence = rows.fence(name, rows.owners.get(name)?.sequence ?? 0);
      const { row, taken } = await this.#judge(known.value, wanted, fence.sequence);
      const owned = taken.some(({ generation }) => generation !== undefined);
      const stored =
        sameNode(known.value, row) ||
        (
          await this.#network.commit({
            require: owned ? [fence, seen] : [seen],
            entries: [rows.updateDraft(row, this.#time())],
          })
        ).kind === 'stored';
      // Somebody else wrote meanwhile: the changes are judged against what is there now.
      if (!stored) continue;
      for (const { resolve } of taken) resolve(row);
      return;
    }
    throw nodeContested(name);
  }

  /** What becomes of a node by changes, one after another. Those that cannot be are refused. */
  async #judge(
    node: Node,
    wanted: readonly Wanted[],
    owner: number,
  ): Promise<{ row: Node; taken: Wanted[] }> {
    const turn = new FairTurn(this.#clock);
    const taken: Wanted[] = [];
    let row = node;
    for (const one of wanted) {
      try {
        if (one.generation !== undefined && one.generation !== owner) throw notOwner(node);
        row = turn.work(() => changedNode(row, one.change));
        taken.push(one);
      } catch (error) {
        one.reject(error);
      }
      const over = turn.over();
      if (over) await over;
    }
    return { row, taken };
  }

  #time(): Date {
    return new Date(this.#clock.wall());
  }
}

export function sameNode(left: Node, right: Node): boolean {
  return sameBytes(Node.encode(left).finish(), Node.encode(right).finish());
}

function notOwner({ name }: Node): KelpieError {
  return new KelpieError('STALE_GENERATION', `a newer stream owns "${name}"`, { name });
}
