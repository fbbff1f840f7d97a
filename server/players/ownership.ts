/**
 * Who holds a player: one process of one proxy at a time, by a grant whose sequence fences all that is
 * said of them later. A grant is not a join; one that is not followed by a join lapses.
 */
import { DuplicatePolicy, type Player, PlayerLeaveReason } from '../../gen/ts/kelpie/v1/player.js';
import type { Cancel, Clock } from '../core/clock.js';
import { KelpieError } from '../core/errors.js';
import { playerNotFound } from './player.js';
import { type ProxySession, holds, staleSession, staleLogin } from './proxy-session.js';
import { GrantBatch, type Identity, loginOf, personOf } from './grants.js';
import type { PlayerRow } from './rows.js';
import { type PlayerWriter } from './writer.js';

/** Asks the proxy that holds a player whether they are really there. Its session answers, above this layer. */
export type Verify = (row: PlayerRow) => Promise<boolean>;

/** What a login got: a generation, or the player as they are held elsewhere. */
export type Acquired =
  | { readonly kind: 'granted'; readonly id: string; readonly generation: number }
  | { readonly kind: 'denied'; readonly present: Player };

type Decision =
  | { readonly kind: 'grant' }
  | { readonly kind: 'deny'; readonly present: Player }
  | { readonly kind: 'verify'; readonly row: PlayerRow };

/** Logins that fight for a player are decided by the journal; nobody loses this often. */
const ATTEMPTS = 8;
/** When a lapse is tried again that the journal could not tell. */
const RETRY_MS = 1000;

/** By what logins lapse that no join follows. */
export interface OwnershipOptions {
  /** The time in which this coordinator listened: a join may lie unread after a stall. */
  readonly listening: Clock;
  readonly loginMs: number;
  readonly onFault: (error: unknown) => void;
}

export class PlayerOwnership {
  readonly #writer: PlayerWriter;
  readonly #options: OwnershipOptions;
  readonly #lapses = new Map<string, Cancel>();
  /** Logins of one player, one after another; those of others do not wait. */
  readonly #turns = new Map<string, Promise<unknown>>();
  /** Questions under way, by the generation that they are about. */
  readonly #questions = new Map<number, Promise<boolean>>();
  /** UUIDs of persons who are held twice, while that is ended. */
  readonly #twins = new Set<string>();
  #closed = false;

  constructor(writer: PlayerWriter, options: OwnershipOptions) {
    this.#writer = writer;
    this.#options = options;
    writer.rows.watch((id, after) => this.#follow(id, after));
    for (const [id, row] of writer.rows.entries()) this.#follow(id, row);
  }

  /**
   * Gives a player to a proxy for their login, or denies it. Throws PLAYER_INVALID, LABELS_INVALID,
   * TEXT_TOO_LONG, PLAYER_LIMIT or STALE_GENERATION.
   */
  async acquire(
    session: ProxySession,
    said: Player,
    policy: DuplicatePolicy,
    verify: Verify,
  ): Promise<Acquired> {
    const player = loginOf(session, said, this.#writer.time());
    const judge = new Judge(this.#writer, session, policy);
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const met = await this.#inTurn(player, () => this.#try(session, player, judge));
      if (met === undefined) continue;
      if (met.kind !== 'verify') return met;
      if (await this.#ask(met.row, verify)) return { kind: 'denied', present: met.row.player };
      judge.gone.add(met.row.generation);
    }
    throw new KelpieError(
      'OUTCOME_UNKNOWN',
      'too many logins of the player at once; try again',
      {},
      { retryAfterMs: 1000 },
    );
  }

  /** Undefined: somebody else was faster. */
  async #try(session: ProxySession, player: Player, judge: Judge) {
    const { rows } = this.#writer;
    const decision = judge.decide([...personOf(rows, player).values()]);
    if (decision.kind === 'verify') return decision;
    if (decision.kind === 'deny') return { kind: 'denied', present: decision.present } as const;
    const { id } = player;
    const fence = this.#writer.fence(session);
    const admission = this.#writer.admit(session);
    try {
      const batch = new GrantBatch(this.#writer, session, admission);
      batch.add(player, true);
      const written = await this.#writer.commit(fence, [...batch.writes.values()]);
      if (written === 'stale') throw staleSession(session);
      const granted = rows.get(id);
      if (written === 'changed' || !granted) return undefined;
      return { kind: 'granted', id, generation: granted.generation } as const;
    } finally {
      admission.release();
    }
  }

  /** Ends what a proxy holds of a player, in its own name. Throws PLAYER_NOT_FOUND or STALE_GENERATION. */
  async release(session: ProxySession, id: string, generation: number): Promise<void> {
    for (;;) {
      const row = rowHeldBy(this.#writer, session, id, generation);
      const end = this.#writer.end(id, row, PlayerLeaveReason.QUIT);
      const written = await this.#writer.commit(this.#writer.fence(session), [end]);
      if (written === 'stored') return;
      if (written === 'stale') throw staleSession(session);
    }
  }

  #ask(row: PlayerRow, verify: Verify): Promise<boolean> {
    const { generation } = row;
    let question = this.#questions.get(generation);
    if (!question) {
      question = verify(row).finally(() => this.#questions.delete(generation));
      this.#questions.set(generation, question);
    }
    return question;
  }

  /** Under each of the names of the person. */
  async #inTurn<T>({ id, uuid }: Identity, work: () => Promise<T>): Promise<T> {
    const names = uuid === '' ? [id] : [id, uuid];
    const before = names.map((name) => this.#turns.get(name) ?? Promise.resolve());
    const turn = Promise.all(before).then(work);
    const settled = turn.catch(() => undefined);
    for (const name of names) this.#turns.set(name, settled);
    try {
      return await turn;
    } finally {
      for (const name of names) if (this.#turns.get(name) === settled) this.#turns.delete(name);
    }
  }

  #follow(id: string, after: PlayerRow | undefined): void {
    this.#lapses.get(id)?.();
    this.#lapses.delete(id);
    if (this.#writer.rows.index.sharedUuids.size > 0) this.#endTwins();
    if (after?.loggingIn) this.#lapseAfter(this.#options.loginMs, id, after);
  }

  #lapseAfter(delayMs: number, id: string, row: PlayerRow): void {
    if (this.#closed) return;
    const lapse = (): void => {
      this.#lapses.delete(id);
      this.#lapse(id, row).catch((error: unknown) => {
        this.#options.onFault(error);
        if (!this.#lapses.has(id)) this.#lapseAfter(RETRY_MS, id, row);
      });
    };
    // A report that they joined may lie unread after a stall.
    this.#lapses.set(id, this.#options.listening.after(delayMs, lapse));
  }

  async #lapse(id: string, row: PlayerRow): Promise<void> {
    const { rows } = this.#writer;
    // Another login, or a join: its own time runs, or none.
    if (rows.get(id) !== row) return;
    const draft = this.#writer.endDraft(row, PlayerLeaveReason.LAPSED);
    await this.#writer.commit(undefined, [this.#writer.write(id, [draft])]);
  }

  /**
   * Two writers that did not know of each other, such as a list and a login, may have held one person
   * under two ids: the newer one holds.
   */
  #endTwins(): void {
    for (const uuid of this.#writer.rows.index.sharedUuids) {
      if (this.#closed || this.#twins.has(uuid)) continue;
      this.#twins.add(uuid);
      const again = (error: unknown): void => {
        this.#options.onFault(error);
        this.#writer.clock.after(RETRY_MS, () => this.#endTwins());
      };
      void this.#endOlder(uuid)
        .finally(() => this.#twins.delete(uuid))
        .catch(again);
    }
  }

  async #endOlder(uuid: string): Promise<void> {
    // When all rows of the transaction are in the table.
    await Promise.resolve();
    for (;;) {
      const rows = [...personOf(this.#writer.rows, { id: uuid, uuid })];
      const newest = Math.max(...rows.map(([, { generation }]) => generation));
      const older = rows.filter(([, { generation }]) => generation < newest);
      const writes = older.map(([id, row]) =>
        this.#writer.end(id, row, PlayerLeaveReason.REPLACED),
      );
      // Refused: somebody wrote one of them meanwhile.
      if ((await this.#writer.commit(undefined, writes)) === 'stored') return;
    }
  }

  /** Logins whose time runs, and what is under way for them. */
  get pending(): number {
    return this.#lapses.size + this.#turns.size + this.#questions.size + this.#twins.size;
  }

  /** Stops all timers, for ever. */
  close(): void {
    this.#closed = true;
    for (const cancel of this.#lapses.values()) cancel();
    this.#lapses.clear();
  }
}

/** Judges one login against who holds the person. */
class Judge {
  /** Generations that were found not to be there any more. */
  readonly gone = new Set<number>();
  readonly #writer: PlayerWriter;
  readonly #session: ProxySession;
  readonly #policy: DuplicatePolicy;

  constructor(writer: PlayerWriter, session: ProxySession, policy: DuplicatePolicy) {
    this.#writer = writer;
    this.#session = session;
    this.#policy = policy;
  }

  decide(rows: readonly PlayerRow[]): Decision {
    for (const row of rows) {
      if (holds(this.#session, row) || !this.#writer.hasOwner(row)) continue;
      if (this.#policy === DuplicatePolicy.DENY_NEW) return { kind: 'deny', present: row.player };
      const given = this.#policy === DuplicatePolicy.KICK_OLD || this.gone.has(row.generation);
      if (!given) return { kind: 'verify', row };
    }
    return { kind: 'grant' };
  }
}

/** What a process holds under a generation. Throws PLAYER_NOT_FOUND or STALE_GENERATION. */
function rowHeldBy(
  writer: PlayerWriter,
  session: ProxySession,
  id: string,
  generation: number,
): PlayerRow {
  const row = writer.rows.get(id);
  if (!row) throw playerNotFound(id);
  if (holds(session, row) && row.generation === generation) return row;
  throw staleLogin(id);
}
