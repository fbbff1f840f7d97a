/**
 * Ends all that a node owns together with the node, as etcd attaches keys to a lease. Each subject registers
 * here how its part ends, so the rules of nodes import none of these subjects.
 */
import type { Draft, Requirement } from '../journal/journal.js';

/** A part of the transaction that ends a node. */
export interface Ending {
  readonly require: readonly Requirement[];
  readonly entries: readonly Draft[];
}

/** Ends one kind of things that nodes own. */
export interface Dependent {
  /**
   * Ends what the node owns under the owner that the fence names. If that is much, this writes pages first, and
   * other work runs between the pages. Resolves with the last entries, at most `room`, for the transaction that
   * ends the node. A stale fence ends nothing more.
   */
  end(node: string, fence: Requirement, room: number): Promise<Ending>;
  /** Ends what the node's process still acquired while the node ended. */
  sweep(node: string): Promise<void>;
}

/** Below the limit of a transaction, so that the node's own entries fit. */
const ENTRIES = 900;

export class Dependents {
  readonly #registered: Dependent[] = [];

  register(dependent: Dependent): void {
    this.#registered.push(dependent);
  }

  /** Ends what a node owns. Returns the last part for the transaction that ends the node. */
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
