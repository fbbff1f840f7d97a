/**
 * What ends with a node. Whatever a node may own registers here how that ends, as etcd attaches keys to
 * a lease; the rules of nodes import none of the owners' subjects.
 */
import type { Draft, Requirement } from '../journal/journal.js';

/** A part of the transaction that ends a node. */
export interface Ending {
  readonly require: readonly Requirement[];
  readonly entries: readonly Draft[];
}

/** How one kind of things ends that nodes own. */
export interface Dependent {
  /**
   * Ends what a node owns, in the name of the owner that the fence names. Much of it ends in pages of its
   * own, between which everybody else has a turn. Resolves with the last of it, at most `room` entries, for
   * the transaction that ends the node. A fence that is stale ends nothing more.
   */
  end(node: string, fence: Requirement, room: number): Promise<Ending>;
  /** Ends what a process still got while its node ended, and owns no longer. */
  sweep(node: string): Promise<void>;
}

/** Fewer than a transaction may have, so that the node's own entries fit. */
const ENTRIES = 900;

export class Dependents {
  readonly #registered: Dependent[] = [];

  register(dependent: Dependent): void {
    this.#registered.push(dependent);
  }

  /** Ends what a node owns, the last of it in the transaction that ends the node: its row is the last. */
  async end(node: string, fence: Requirement): Promise<Ending> {
    const require: Requirement[] = [];
    const entries: Draft[] = [];
    for (const dependent of this.#registered) {
      const last = await dependent.end(node, fence, ENTRIES - entries.length);
      require.push(...last.require);
      entries.push(...last.entries);
    }
    return { require, entries };
  }

  /** Call it after the transaction that ended the node. */
  async sweep(node: string): Promise<void> {
    for (const dependent of this.#registered) await dependent.sweep(node);
  }
}
