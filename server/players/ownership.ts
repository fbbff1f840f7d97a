/**
 * Ownership of players. One process of one proxy holds a player at a time, by a grant. The sequence of the grant
 * is the player's generation, which fences all later reports. A grant without a join lapses.
 */
import { DuplicatePolicy, type Player, PlayerLeaveReason } from '../../gen/ts/kelpie/v1/player.js';
import type { Cancel, Clock } from '../core/clock.js';
import { KelpieError } from '../core/errors.js';
import { playerNotFound } from './player.js';
import { type ProxySession, holds, staleLogin } from './proxy-session.js';
import { notOwner } from '../nodes/rows.js';
import { GrantBatch, type Identity, loginOf, personOf } from './grants.js';
import type { PlayerRow } from './rows.js';
import type { OperatorSettings } from './settings.js';
import { isFor } from './ticket-rows.js';
import { type PlayerWriter } from './writer.js';

/** Asks the proxy that holds a player whether the player is connected. The layer of sessions implements it. */
export type Verify = (row: PlayerRow) => Promise<boolean>;

/** A denied login: another proxy holds the player, or the network is in maintenance. */
type Denied =
  | { readonly kind: 'denied'; readonly present: Player }
  | { readonly kind: 'maintenance'; readonly text: string };

/** The result of a login. */
export type Acquired =
  { readonly kind: 'granted'; readonly id: string; readonly generation: number } | Denied;

type Decision =
  Denied | { readonly kind: 'grant' } | { readonly kind: 'verify'; readonly row: PlayerRow };

/** The journal decides between concurrent logins of a player. A login does not lose this often in practice. */
const ATTEMPTS = 8;
/** The wait before another attempt at a write in the background that failed. */
const RETRY_MS = 1000;

/** The clock and time after which a login without a join lapses. */
export interface OwnershipOptions {
  /** Counts only the time in which this coordinator listened: after a stall, a join may still be unread. */
  readonly listening: Clock;
  readonly loginMs: number;
  readonly operatorSettings: Pick<OperatorSettings, 'denialOf' | 'seen'>;
  readonly onFault: (error: unknown) => void;
}

export class PlayerOwnership {
  readonly #writer: PlayerWriter;
  readonly #options: OwnershipOptions;
  readonly #lapses = new Map<string, Cancel>();
  /** Logins of one person run one after another; logins of other persons do not wait for them. */
  readonly #turns = new Map<string, Promise<unknown>>();
  /** Verifications in progress, by the player's generation. */
  readonly #verifications = new Map<number, Promise<boolean>>();
  /** UUIDs of persons with two presences, while this ends the older one. */
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
    facts: Player,
    policy: DuplicatePolicy,
    verify: Verify,
  ): Promise<Acquired> {
    const player = loginOf(session, facts, this.#writer.time());
    const judge = new Judge(this.#writer, this.#options.operatorSettings, session, policy);
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const met = await this.#inTurn(player, () => this.#try(session, player, judge));
      if (met === undefined) continue;
      if (met.kind !== 'verify') return met;
      if (await this.#verify(met.row, verify)) return { kind: 'denied', present: met.row.player };
      judge.gone.add(met.row.generation);
    }
    throw new KelpieError(
      'OUTCOME_UNKNOWN',
      'too many logins of the player at once; try again',
      {},
      { retryAfterMs: 1000 },
    );
  }

  /** Undefined: another login was faster. */
  async #try(session: ProxySession, player: Player, judge: Judge) {
    const { rows } = this.#writer;
    const decision = judge.decide(player);
    if (decision.kind !== 'grant') return decision;
    const { id } = player;
    const fence = this.#writer.fence(session);
    const admission = this.#writer.admit(session);
    try {
      const batch = new GrantBatch(this.#writer, session, admission);
      batch.add(player, true);
      const settings = { seen: this.#options.operatorSettings.seen(), drafts: [] };
      const written = await this.#writer.commit(fence, [settings, ...batch.writes.values()]);
      if (written === 'stale') throw notOwner(session);
      const granted = rows.get(id);
      if (written === 'changed' || !granted) return undefined;
      return { kind: 'granted', id, generation: granted.generation } as const;
    } finally {
      admission.release();
    }
  }

  /** Ends a player whom the proxy holds, at its own request. Throws PLAYER_NOT_FOUND or STALE_GENERATION. */
  async release(session: ProxySession, id: string, generation: number): Promise<void> {
    for (;;) {
      const row = rowHeldBy(this.#writer, session, id, generation);
      const end = this.#writer.end(id, row, PlayerLeaveReason.QUIT);
      const written = await this.#writer.commit(this.#writer.fence(session), [end]);
      if (written === 'stored') return;
      if (written === 'stale') throw notOwner(session);
    }
  }

  #verify(row: PlayerRow, verify: Verify): Promise<boolean> {
    const { generation } = row;
    let verification = this.#verifications.get(generation);
    if (!verification) {
      verification = verify(row).finally(() => this.#verifications.delete(generation));
      this.#verifications.set(generation, verification);
    }
    return verification;
  }

  /** Runs the work after earlier logins with the same id or UUID. */
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
    // After a stall, the report of the join may still be unread.
    this.#lapses.set(id, this.#options.listening.after(delayMs, lapse));
  }

  async #lapse(id: string, row: PlayerRow): Promise<void> {
    const { rows } = this.#writer;
    // Another login has its own timer, and a join needs none.
    if (rows.get(id) !== row) return;
    const draft = this.#writer.endDraft(row, PlayerLeaveReason.LAPSED);
    await this.#writer.commit(undefined, [this.#writer.write(id, [draft])]);
  }

  /**
   * Two independent writers, such as a list and a login, may have stored one person under two ids. The newer
   * presence stays; this ends the older ones.
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
    // Waits until the table has all rows of the transaction.
    await Promise.resolve();
    for (;;) {
      const rows = [...personOf(this.#writer.rows, { id: uuid, uuid })];
      const newest = Math.max(...rows.map(([, { generation }]) => generation));
      const older = rows.filter(([, { generation }]) => generation < newest);
      const writes = older.map(([id, row]) =>
        this.#writer.end(id, row, PlayerLeaveReason.REPLACED),
      );
      // Otherwise another writer changed one of them: read the rows again.
      if ((await this.#writer.commit(undefined, writes)) === 'stored') return;
    }
  }

  /** How many logins have a timer, and how much work for logins is in progress. */
  get pending(): number {
    return this.#lapses.size + this.#turns.size + this.#verifications.size + this.#twins.size;
  }

  /** Stops all timers. No timer starts after this. */
  close(): void {
    this.#closed = true;
    for (const cancel of this.#lapses.values()) cancel();
    this.#lapses.clear();
  }
}

/** Decides one login against the present rows of the person. */
class Judge {
  /** Generations whose proxies did not confirm their players. */
  readonly gone = new Set<number>();
  readonly #writer: PlayerWriter;
  readonly #settings: Pick<OperatorSettings, 'denialOf'>;
  readonly #session: ProxySession;
  readonly #policy: DuplicatePolicy;

  constructor(
    writer: PlayerWriter,
    settings: Pick<OperatorSettings, 'denialOf'>,
    session: ProxySession,
    policy: DuplicatePolicy,
  ) {
    this.#writer = writer;
    this.#settings = settings;
    this.#session = session;
    this.#policy = policy;
  }

  decide(player: Player): Decision {
    const person = personOf(this.#writer.rows, player);
    const left = this.#leftByTicket(player, person);
    const text = this.#settings.denialOf(player);
    const isPresent =
      left.size > 0 || [...person.values()].some((row) => holds(this.#session, row));
    // Nobody's presence may end for a login that maintenance denies. A player who is here or on the way here stays.
    if (text !== undefined && !isPresent) return { kind: 'maintenance', text };
    for (const row of person.values()) {
      // The network itself sent the player here, and the old proxy may not have seen yet that they left.
      const stays = left.has(row.generation) ? undefined : this.#claimOf(row);
      if (stays) return stays;
    }
    return { kind: 'grant' };
  }

  /** The decision for a presence that does not give way to the login at once; undefined: it gives way. */
  #claimOf(row: PlayerRow): Decision | undefined {
    if (holds(this.#session, row) || !this.#writer.hasOwner(row)) return undefined;
    if (this.#policy === DuplicatePolicy.DENY_NEW) return { kind: 'denied', present: row.player };
    const given = this.#policy === DuplicatePolicy.KICK_OLD || this.gone.has(row.generation);
    return given ? undefined : { kind: 'verify', row };
  }

  /** The generations of the presences that tickets for this process lead away from. */
  #leftByTicket(player: Player, person: ReadonlyMap<string, PlayerRow>): Set<number> {
    const tickets = this.#writer.rows.tickets.of([player.id, ...person.keys()], player.uuid);
    const here = [...tickets.values()].filter(({ value }) => isFor(this.#session, value));
    return new Set(here.map(({ value }) => value.generation));
  }
}

/** The row that the session's process holds under a generation. Throws PLAYER_NOT_FOUND or STALE_GENERATION. */
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
