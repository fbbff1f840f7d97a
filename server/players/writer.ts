/** Writes about players: each made of the row as it was seen, many in one transaction. */
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

/** What is to be written about one player, or what they were seen as. */
export interface PlayerWrite {
  readonly seen: Requirement;
  /** What else must be as it was seen: other rows of the person, the server that is named. */
  readonly also?: readonly Requirement[];
  readonly drafts: readonly Draft[];
}

/** What became of writes. `changed`: a row is not what it was seen as. `stale`: nor is the owner. */
export type WriteResult = 'stored' | 'changed' | 'stale';

/** Fewer than a transaction may have, so that its owner's own entries fit. */
const ENTRIES = 900;
/** The same in bytes; one write alone may have more. */
export const WRITE_BYTES = 512 * 1024;

/** What all writers about players share: the rows as they are now, and the way into the journal. */
export class PlayerWriter {
  readonly rows: PlayerRows;
  readonly nodes: NodeRows;
  readonly clock: Clock;
  readonly admission: PlayerAdmission;
  /** The turn that proxies' lists and digests share. */
  readonly syncTurn: SharedTurn;
  readonly #network: Pick<Network, 'commit'>;

  constructor(
    network: Pick<Network, 'commit'>,
    rows: PlayerRows,
    nodes: NodeRows,
    limits: PlayerLimits,
    clock: Clock,
  ) {
    this.#network = network;
    this.rows = rows;
    this.nodes = nodes;
    this.clock = clock;
    this.admission = new PlayerAdmission(rows, limits);
    this.syncTurn = new SharedTurn(clock);
  }

  /** Now, as events show it. */
  time(): Date {
    return new Date(this.clock.wall());
  }

  /** What every write in the name of a proxy's session must require. */
  fence({ name, generation }: ProxySession): Requirement {
    return this.nodes.fence(name, generation);
  }

  /** Whether the process that holds the player still owns its node. */
  hasOwner({ proxy, instance }: PlayerRow): boolean {
    const owner = this.nodes.owners.get(proxy)?.value;
    return owner !== undefined && sameBytes(owner.instanceId, instance);
  }

  /** Room for what a proxy is about to write, which must be released. */
  admit({ name }: ProxySession): Admission {
    return this.admission.admit(name);
  }

  /** A write about a player whose row is as the table has it. */
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
   * Commits writes in the name of an owner. More than fit are several transactions, each whole; the first
   * that is refused ends it. `onStored` hears how many were in each.
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

/** The requirements and entries of writes, and of their owner. */
export function transactionOf(writes: readonly PlayerWrite[], fence: Requirement | undefined) {
  // Many may name one server.
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

/** How many bytes a write has, about. */
export function bytesOf({ drafts }: Pick<PlayerWrite, 'drafts'>): number {
  let bytes = 0;
  for (const { event, value } of drafts) bytes += event.length + (value?.length ?? 0);
  return bytes;
}

/** The error where the rows were never twice the same. */
export function contested(): KelpieError {
  const message = 'others write about these players all the time; send SyncPlayers';
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
  // One alone always goes.
  return over === -1 ? writes : writes.slice(0, Math.max(1, over));
}
