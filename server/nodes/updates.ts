/**
 * Changes of nodes: those that owners and operators request, and the loss of a stream. All waiting changes of one node
 * become one write, so concurrent changes do not make each other fail.
 */
import { Node, type NodeChange, NodeState } from '../../gen/ts/kelpie/v1/node.js';
import { sameBytes } from '../core/cursor.js';
import { FairTurn } from '../core/fair-turn.js';
import type { InTurn } from '../core/in-turn.js';
import type { Clock } from '../core/clock.js';
import type { Network } from '../network/network.js';
import { changedNode, unreachable } from './change.js';
import { findNode } from './queries.js';
import { nodeContested, type NodeRows, notOwner } from './rows.js';

/** How often another coordinator may change the node first. */
const ATTEMPTS = 8;

/** A change whose caller waits. */
interface Waiting {
  readonly change: NodeChange;
  /** The owner's generation; undefined for a change by an operator. */
  readonly generation: number | undefined;
  readonly resolve: (row: Node) => void;
  readonly reject: (error: unknown) => void;
}

export class NodeUpdates {
  readonly #network: Pick<Network, 'commit'>;
  readonly #rows: NodeRows;
  readonly #clock: Clock;
  readonly #turns: InTurn;
  readonly #waiting = new Map<string, Waiting[]>();

  /** `turns` orders these changes with all other writes of the row of a node. */
  constructor(network: Pick<Network, 'commit'>, rows: NodeRows, clock: Clock, turns: InTurn) {
    this.#network = network;
    this.#rows = rows;
    this.#clock = clock;
    this.#turns = turns;
  }

  /** Resolves with the stored node. Throws the errors that `NodeClaims.update` names. */
  update(name: string, change: NodeChange, generation?: number): Promise<Node> {
    return new Promise((resolve, reject) => {
      const one = { change, generation, resolve, reject };
      const waiting = this.#waiting.get(name);
      if (waiting) return void waiting.push(one);
      this.#waiting.set(name, [one]);
      void this.#turns.run(name, () => this.#writeAll(name));
    });
  }

  async #writeAll(name: string): Promise<void> {
    const changes = this.#waiting.get(name) ?? [];
    this.#waiting.delete(name);
    try {
      await this.#write(name, changes);
    } catch (error) {
      for (const { reject } of changes) reject(error);
    }
  }

  async #write(name: string, changes: readonly Waiting[]): Promise<void> {
    const rows = this.#rows;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const known = findNode(rows, name);
      const seen = rows.seen(name);
      const fence = rows.fence(name, rows.owners.get(name)?.sequence ?? 0);
      const { row, applied } = await this.#applyAll(known.value, changes, fence.sequence);
      const owned = applied.some(({ generation }) => generation !== undefined);
      const stored =
        sameNode(known.value, row) ||
        (
          await this.#network.commit({
            require: owned ? [fence, seen] : [seen],
            entries: [rows.updateDraft(row, this.#time())],
          })
        ).kind === 'stored';
      // Another writer was faster: apply the changes to the row that is stored now.
      if (!stored) continue;
      for (const { resolve } of applied) resolve(row);
      return;
    }
    throw nodeContested(name);
  }

  /** Applies changes one after another, and rejects each invalid change. */
  async #applyAll(
    node: Node,
    changes: readonly Waiting[],
    owner: number,
  ): Promise<{ row: Node; applied: Waiting[] }> {
    const turn = new FairTurn(this.#clock);
    const applied: Waiting[] = [];
    let row = node;
    for (const one of changes) {
      try {
        if (one.generation !== undefined && one.generation !== owner) throw notOwner(node);
        row = turn.work(() => changedNode(row, one.change));
        applied.push(one);
      } catch (error) {
        one.reject(error);
      }
      const over = turn.over();
      if (over) await over;
    }
    return { row, applied };
  }

  /** The node's stream is gone. Nothing happens if another generation owns the node. */
  markUnreachable(name: string, generation: number): Promise<void> {
    return this.#turns.run(name, async () => {
      const rows = this.#rows;
      for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
        const known = rows.nodes.get(name);
        if (!known || known.value.state === NodeState.UNREACHABLE) return;
        const seen = rows.seen(name);
        const written = await this.#network.commit({
          require: [rows.fence(name, generation), seen],
          entries: [rows.updateDraft(unreachable(known.value), this.#time())],
        });
        // Another writer changed the node: read it again, so that this write does not undo the change.
        if (written.kind !== 'conflict' || written.key !== seen.key) return;
      }
    });
  }

  #time(): Date {
    return new Date(this.#clock.wall());
  }
}

export function sameNode(left: Node, right: Node): boolean {
  return sameBytes(Node.encode(left).finish(), Node.encode(right).finish());
}
