/** Writes about players. Each write requires the row as its writer read it; many writes are one transaction. */
import type { PlayerLeaveReason } from '../../gen/ts/kelpie/v1/player.js';
import { sameBytes } from '../core/cursor.js';
import { KelpieError } from '../core/errors.js';
import { othersTurn, SharedTurn } from '../core/fair-turn.js';
import type { Draft, Requirement } from '../journal/journal.js';
import type { Clock } from '../core/clock.js';
import type { Network } from '../network/network.js';
import type { NodeRows } from '../nodes/rows.js';
import { type Admission, PlayerAdmission, type PlayerLimits } from './admission.js';
import type { ProxySession } from './proxy-session.js';
import type { PlayerRow, PlayerRows } from './rows.js';

/** The write of one player's row, or only the requirement that the row is unchanged. */
export interface PlayerWrite {
  readonly seen: Requirement;
  /** Other rows that must be unchanged: other rows of the person, and the row of the named server. */
  readonly also?: readonly Requirement[];
  readonly drafts: readonly Draft[];
}

/** The result of writes. `changed`: another writer changed a row first. `stale`: another session owns the node. */
export type WriteResult = 'stored' | 'changed' | 'stale';

/** Below the limit of a transaction, so that the owner's own entries fit. */
const ENTRIES = 900;
/** The same in bytes. A single write may have more. */
export const WRITE_BYTES = 512 * 1024;

/** Shared by all code that writes about players: the present rows, and the commits. */
export class PlayerWriter {
  readonly rows: PlayerRows;
  readonly nodes: NodeRows;
  readonly clock: Clock;
  readonly admission: PlayerAdmission;
  /** The turns that the lists and digests of all proxies share. */
  readonly syncTurn: SharedTurn;
  readonly #network: Pick<Network, 'commit'>;

  constructor(
    network: Pick<Network, 'commit'>,
    rows: PlayerRows,
    nodes: NodeRows,
    limits: PlayerLimits,
    clock: Clock,
    syncTurn = new SharedTurn(clock),
  ) {
    this.#network = network;
    this.rows = rows;
    this.nodes = nodes;
    this.clock = clock;
    this.admission = new PlayerAdmission(rows, limits);
    this.syncTurn = syncTurn;
  }

  /** The present time, for events. */
  time(): Date {
    return new Date(this.clock.wall());
  }

  /** The requirement of every write for a proxy's session: the session still owns its node. */
  fence({ name, generation }: ProxySession): Requirement {
    return this.nodes.fence(name, generation);
  }

  /** Whether the process that holds the player still owns its node. */
  hasOwner({ proxy, instance }: PlayerRow): boolean {
    const owner = this.nodes.owners.get(proxy)?.value;
    return owner !== undefined && sameBytes(owner.instanceId, instance);
  }

  /** Starts an admission for the rows that a proxy is about to write. The caller must release it. */
  admit({ name }: ProxySession): Admission {
    return this.admission.admit(name);
  }

  /** A write that requires the player's row as it is now. */
  write(id: string, drafts: readonly Draft[]): PlayerWrite {
    return { seen: this.rows.seen(id), drafts };
  }

  /** The entry that ends a presence. */
  endDraft(row: PlayerRow, reason: PlayerLeaveReason): Draft {
    const body = { $case: 'playerLeft', value: { player: row.player, reason } } as const;
    return this.rows.draft(row, this.time(), body, null);
  }

  /** The write that ends a presence. */
  end(id: string, row: PlayerRow, reason: PlayerLeaveReason): PlayerWrite {
    return this.write(id, [this.endDraft(row, reason)]);
  }

  /**
   * Commits writes under the fence of an owner. Writes that do not fit into one transaction become several; each
   * is stored whole or not at all. This stops at the first refused transaction. It calls `onStored` with the
   * number of writes in each stored one.
   */
  async commit(
    fence: Requirement | undefined,
    writes: readonly PlayerWrite[],
    onStored?: (writes: number) => void,
  ): Promise<WriteResult> {
    for (let rest = writes; rest.length > 0;) {
      const part = fitting(rest);
      rest = rest.slice(part.length);
      const outcome = await this.#network.commit(transactionOf(part, fence));
      if (outcome.kind === 'stored') {
        onStored?.(part.length);
        if (rest.length > 0) await othersTurn();
        continue;
      }
      return outcome.kind === 'conflict' && outcome.key === fence?.key ? 'stale' : 'changed';
    }
    return 'stored';
  }
}

/** One transaction with the requirements and entries of writes, and the fence. */
export function transactionOf(writes: readonly PlayerWrite[], fence: Requirement | undefined) {
  // By key, since many writes may require the same server.
  const require = new Map<string, Requirement>();
  if (fence) require.set(fence.key, fence);
  for (const { seen, also = [] } of writes) {
    for (const one of [seen, ...also]) require.set(one.key, one);
  }
  return {
    require: [...require.values()],
    entries: writes.flatMap(({ drafts }) => drafts),
  };
}

/** The approximate bytes of a write. */
export function bytesOf({ drafts }: Pick<PlayerWrite, 'drafts'>): number {
  let bytes = 0;
  for (const { event, value } of drafts) bytes += event.length + (value?.length ?? 0);
  return bytes;
}

/** The error where other writers changed the rows at each attempt. */
export function contested(): KelpieError {
  const message = 'other writers changed these players during each attempt; send SyncPlayers';
  return new KelpieError('OUTCOME_UNKNOWN', message, {}, { retryAfterMs: 1000 });
}

function fitting(writes: readonly PlayerWrite[]): readonly PlayerWrite[] {
  let entries = 0;
  let bytes = 0;
  const over = writes.findIndex(({ drafts }) => {
    entries += drafts.length;
    bytes += bytesOf({ drafts });
    return entries > ENTRIES || bytes > WRITE_BYTES;
  });
  // A transaction has at least one write.
  return over === -1 ? writes : writes.slice(0, Math.max(1, over));
}
