/**
 * Which coordinator has the stream of a node, as the row of its owner names it. A coordinator is gone only if a list
 * without it came that was asked for after its row was in the table: a list may be older than a coordinator that has
 * just begun, and nobody is gone while the list cannot be had.
 */
import type { Members } from '../cluster/members.js';
import { Listeners } from '../core/listeners.js';
import type { Unsubscribe } from '../journal/journal.js';
import type { Network } from '../network/network.js';
import type { NodeRows } from './rows.js';

export interface HoldersParts {
  readonly network: Pick<Network, 'head'>;
  readonly nodeRows: Pick<NodeRows, 'owners'>;
  readonly members: Pick<Members, 'id' | 'alive' | 'onView' | 'refresh'>;
  readonly onFault: (error: unknown) => void;
}

export class Holders {
  /** The id of this coordinator. */
  readonly own: string;
  readonly #parts: HoldersParts;
  readonly #judgements: Listeners<[]>;
  readonly #unsubscribe: Unsubscribe;
  /** The newest list was asked for after the table had all rows up to here. */
  #judged = -1;
  /** The head when the newest list came: the next one is asked for later. */
  #seen = -1;

  constructor(parts: HoldersParts) {
    this.own = parts.members.id;
    this.#parts = parts;
    this.#judgements = new Listeners(parts.onFault);
    this.#unsubscribe = parts.members.onView(() => {
      this.#judged = this.#seen;
      this.#seen = parts.network.head.sequence;
      this.#judgements.tell();
    });
  }

  /** Asks for a list that is newer than all rows that the table has now. Never rejects: then nobody is gone. */
  async refresh(): Promise<void> {
    // A list that is on its way may have been asked for earlier, and the second one is asked for after the first came.
    await this.#parts.members.refresh();
    await this.#parts.members.refresh();
  }

  /** The coordinator that has the stream of the node. Undefined: it is gone, or the node has no owner. */
  of(name: string): string | undefined {
    const owner = this.#parts.nodeRows.owners.get(name);
    const { coordinatorId = '' } = owner?.value ?? {};
    return owner && !this.isGone(coordinatorId, owner.sequence) ? coordinatorId : undefined;
  }

  /** Another coordinator that has the stream of the node. Undefined: this one has it, or none has. */
  elsewhere(name: string): string | undefined {
    const holder = this.of(name);
    return holder === this.own ? undefined : holder;
  }

  /** Whether the coordinator is gone that wrote its id into a row with this sequence. */
  isGone(coordinatorId: string, sequence: number): boolean {
    return !this.#parts.members.alive(coordinatorId) && sequence <= this.#judged;
  }

  /** Calls the listener when another coordinator has gone. */
  onLeft(listener: () => void): Unsubscribe {
    return this.#parts.members.onView(({ left }) => {
      if (left.length > 0) listener();
    });
  }

  /** Calls the listener when coordinators may have come or gone. */
  onJudged(listener: () => void): void {
    this.#judgements.add(listener);
  }

  close(): void {
    this.#unsubscribe();
  }
}
