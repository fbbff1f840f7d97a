/**
 * Tickets: each brings a player and the goal of their transfer together at another proxy. Every grant of the
 * player redeems it (grants.ts). Otherwise it ends with its time, with its proxy, or when the transfer fails.
 */
import { TicketRow } from '../../gen/ts/kelpie/storage/v1/transfer_rows.js';
import type { TransferTicket } from '../../gen/ts/kelpie/v1/presence.js';
import type { Clock } from '../core/clock.js';
import { durationOf } from '../core/duration.js';
import { KelpieError } from '../core/errors.js';
import { othersTurn } from '../core/fair-turn.js';
import type { Requirement, Transaction } from '../journal/journal.js';
import { Expiry } from '../network/expiry.js';
import type { Limits } from '../network/limits.js';
import type { Network } from '../network/network.js';
import type { Dependent, Ending } from '../nodes/dependents.js';
import { isFor, type StoredTicket, ttlMsOf, weightOf } from './ticket-rows.js';
import type { PlayerWriter } from './writer.js';

/** A ticket to store. */
export interface NewTicket {
  readonly playerId: string;
  /** The generation of the player: a ticket belongs to the presence that it leads away from. */
  readonly generation: number;
  readonly ticket: TransferTicket;
  /** The name of the node whose login redeems the ticket. */
  readonly proxy: string;
  readonly ttlMs: number;
}

/** The limits of tickets, and the clock that ends them. */
export interface TicketOptions {
  readonly listening: Clock;
  readonly limits: Pick<Limits, 'tickets' | 'ticketBytes'>;
  readonly onFault: (error: unknown) => void;
}

/** How often other writers may change the player first. */
const ATTEMPTS = 8;
/** Tickets that end in one transaction, where they do not fit into the one that ends their proxy. */
const PAGE = 500;

export class Tickets {
  readonly #network: Pick<Network, 'commit'>;
  readonly #writer: PlayerWriter;
  readonly #limits: TicketOptions['limits'];
  readonly #expiry: Expiry<StoredTicket>;
  /** The tickets on their way to the journal. */
  #coming = { tickets: 0, bytes: 0 };

  constructor(network: Pick<Network, 'commit'>, writer: PlayerWriter, options: TicketOptions) {
    this.#network = network;
    this.#writer = writer;
    this.#limits = options.limits;
    this.#expiry = new Expiry(this.#rows.table, {
      ...options,
      ttlMsOf,
      end: (id, { sequence }) => this.revoke(id, sequence),
    });
  }

  get #rows() {
    return this.#writer.rows.tickets;
  }

  /**
   * Stores a ticket in place of an older one of the player, and returns its sequence. A login may have redeemed it
   * already when this resolves. Throws PLAYER_QUIT, TARGET_LOST, TRANSFER_LIMIT, JOURNAL_READ_ONLY or OUTCOME_UNKNOWN;
   * after the last one a ticket may exist until its time has passed.
   */
  async issue(request: NewTicket): Promise<number> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const transaction = this.#issuing(request);
      const release = this.#admit(transaction);
      try {
        const outcome = await this.#network.commit(transaction);
        if (outcome.kind === 'stored') return outcome.first;
      } finally {
        release();
      }
    }
    const message = 'other writers changed the player during each attempt; try again';
    throw new KelpieError('OUTCOME_UNKNOWN', message, {}, { retryAfterMs: 1000 });
  }

  /** The ticket comes first. It requires that the player did not log in again, and that its proxy lives. */
  #issuing({ playerId, generation, ticket, proxy, ttlMs }: NewTicket): Transaction {
    const { rows, nodes } = this.#writer;
    const row = rows.get(playerId);
    if (row?.generation !== generation) throw playerQuit(playerId);
    const owner = nodes.owners.get(proxy);
    if (!owner) throw proxyGone(proxy);
    const { uuid } = row.player;
    const others = [...this.#rows.of([playerId], uuid).keys()].filter((id) => id !== playerId);
    const value = TicketRow.create({
      ...{ ticket, proxy, uuid, generation, ttl: durationOf(ttlMs) },
      proxyInstanceId: owner.value.instanceId,
    });
    const ids = [playerId, ...others];
    return {
      require: [
        rows.seen(playerId),
        nodes.fence(proxy, owner.sequence),
        ...ids.map((id) => this.#rows.seen(id)),
      ],
      entries: [this.#rows.draft(playerId, value), ...others.map((id) => this.#rows.endDraft(id))],
    };
  }

  /** Counts the ticket of a transaction until the function that this returns is called. Throws TRANSFER_LIMIT. */
  #admit({ entries }: Transaction): () => void {
    const bytes = weightOf(entries[0]?.value ?? new Uint8Array());
    const { tickets, ticketBytes } = this.#limits;
    checkLimit(this.#rows.table.size + this.#coming.tickets + 1, tickets, 'tickets');
    checkLimit(this.bytes + bytes, ticketBytes, 'bytes of tickets');
    this.#count(1, bytes);
    return () => this.#count(-1, -bytes);
  }

  #count(tickets: number, bytes: number): void {
    this.#coming.tickets += tickets;
    this.#coming.bytes += bytes;
  }

  /** Ends the ticket with this sequence, if it still exists. */
  async revoke(playerId: string, sequence: number): Promise<void> {
    if (this.#rows.table.get(playerId)?.sequence !== sequence) return;
    await this.#network.commit(this.#ending([playerId]));
  }

  #ending(ids: readonly string[]): Ending {
    return {
      require: ids.map((id) => this.#rows.seen(id)),
      entries: ids.map((id) => this.#rows.endDraft(id)),
    };
  }

  /** Ends the tickets for a node with the node. */
  get ofNodes(): Dependent {
    return {
      end: async (node, fence, room) => {
        while (this.#rows.byProxy.sizeOf(node) > room) {
          if (!(await this.#endPage(this.#namedBy(node, PAGE), fence))) return nothing;
        }
        return this.#ending(this.#namedBy(node, room));
      },
      sweep: async (node) => {
        for (;;) {
          const gone = this.#namedBy(node, PAGE, (row) => !this.#hasProxy(row));
          if (gone.length === 0) return;
          await this.#endPage(gone);
        }
      },
    };
  }

  /** The ids of some tickets for a node. */
  #namedBy(node: string, most: number, takes?: (row: StoredTicket) => boolean): string[] {
    const ids: string[] = [];
    for (const id of this.#rows.byProxy.get(node)) {
      if (ids.length === most) break;
      const row = this.#rows.table.get(id)?.value;
      if (row && takes?.(row) !== false) ids.push(id);
    }
    return ids;
  }

  /** False: the fence is stale. */
  async #endPage(ids: readonly string[], fence?: Requirement): Promise<boolean> {
    const { require, entries } = this.#ending(ids);
    const fenced = fence ? [fence, ...require] : require;
    const outcome = await this.#network.commit({ require: fenced, entries });
    await othersTurn();
    return outcome.kind !== 'conflict' || outcome.key !== fence?.key;
  }

  /** Whether the process that a ticket is for still owns its node. */
  #hasProxy(row: StoredTicket): boolean {
    const owner = this.#writer.nodes.owners.get(row.proxy)?.value;
    return owner !== undefined && isFor({ name: row.proxy, instance: owner.instanceId }, row);
  }

  /** The number of tickets, with those on their way to the journal, and of their timers. */
  get pending(): number {
    return this.#rows.table.size + this.#coming.tickets + this.#expiry.size;
  }

  /** The approximate memory of these tickets. */
  get bytes(): number {
    return this.#rows.bytes + this.#coming.bytes;
  }

  /** Stops all timers. No timer starts after this. */
  close(): void {
    this.#expiry.close();
  }
}

const nothing: Ending = { require: [], entries: [] };

function playerQuit(player: string): KelpieError {
  const message = `"${player}" left, or logged in again, during the transfer`;
  return new KelpieError('PLAYER_QUIT', message);
}

function proxyGone(name: string): KelpieError {
  return new KelpieError('TARGET_LOST', `"${name}" left during the transfer`, { name });
}

function checkLimit(count: number, limit: number, what: string): void {
  if (count <= limit) return;
  const message = `the limit is reached: at most ${limit} ${what} in a network; try again when transfers have ended`;
  throw new KelpieError(
    'TRANSFER_LIMIT',
    message,
    { limit: String(limit) },
    { retryAfterMs: 1000 },
  );
}
