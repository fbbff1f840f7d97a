/** Reconciles a proxy's list of players with the table. */
import { PlayerLeaveReason, type Player } from '../../gen/ts/kelpie/v1/player.js';
import type { SyncPlayers } from '../../gen/ts/kelpie/v1/presence.js';
import { msOf } from '../core/duration.js';
import { KelpieError } from '../core/errors.js';
import { idOf } from './player.js';
import { GrantBatch, loginOf, personOf } from './grants.js';
import { type ProxySession, holds } from './proxy-session.js';
import { notOwner } from '../nodes/rows.js';
import { PlayerTransition, type Verdict } from './reports.js';
import type { Reported } from './report-batch.js';
import type { Admission } from './admission.js';
import type { PlayerRow } from './rows.js';
import { contested, type PlayerWrite, type PlayerWriter } from './writer.js';

/** The result of one part of a list. */
export interface Synced {
  readonly results: readonly Reported[];
  /** Ids of players whom the proxy must kick. */
  readonly kicked: readonly string[];
}

const ATTEMPTS = 8;
/** A bound on the age of a login, longer than any session of play. It keeps every login time a valid date. */
const OLDEST_MS = 365 * 24 * 60 * 60 * 1000;

/** One part of a list, and the time of its arrival by the wall clock. */
export interface ListPart {
  readonly part: SyncPlayers;
  readonly receivedMs: number;
  /** Like `as_of`: the list also settles the players up to this sequence. 0 if the proxy has received all generations. */
  readonly settledUpTo: number;
}

/** Applies one part of a list. Throws STALE_GENERATION if another session owns the node. */
export async function sync(
  writer: PlayerWriter,
  session: ProxySession,
  list: ListPart,
): Promise<Synced> {
  const fence = writer.fence(session);
  const granted = new Set<string>();
  for (let attempt = 0; attempt < ATTEMPTS;) {
    const admission = writer.admit(session);
    try {
      const plan = new Plan(writer, session, list, granted, admission);
      await writer.syncTurn.work(plan.make());
      const { grants, writes } = plan;
      const ids = [...grants.keys()];
      const written =
        ids.length === 0
          ? await writer.commit(fence, writes)
          : await writer.commit(fence, [...grants.values()], (count) => {
              for (const id of ids.splice(0, count)) granted.add(id);
            });
      if (written === 'stale') throw notOwner(session);
      if (written === 'changed') attempt += 1;
      else if (grants.size === 0) return plan;
    } finally {
      admission.release();
    }
  }
  throw contested();
}

/** The writes that one part of a list needs, computed from the present table. */
class Plan implements Synced {
  readonly #results = new Map<string, Reported>();
  readonly kicked: string[] = [];
  /** The differences to write, once the proxy holds all players of the part. */
  readonly writes: PlayerWrite[] = [];
  readonly #writer: PlayerWriter;
  readonly #session: ProxySession;
  readonly #list: ListPart;
  readonly #asOf: number;
  /** Ids of players whom an earlier transaction of this part gave to the proxy. */
  readonly #granted: ReadonlySet<string>;
  readonly #admission: Admission;
  readonly #batch: GrantBatch;
  /** Ids of the players in this part, by id and by UUID. */
  readonly #named = new Map<string, string>();

  constructor(
    writer: PlayerWriter,
    session: ProxySession,
    list: ListPart,
    granted: ReadonlySet<string>,
    admission: Admission,
  ) {
    this.#writer = writer;
    this.#session = session;
    this.#list = list;
    // The proxy cannot receive grants of an earlier stream any more, so for those the list decides.
    this.#asOf = Math.max(list.part.asOf, session.generation, list.settledUpTo);
    this.#granted = granted;
    this.#admission = admission;
    this.#batch = new GrantBatch(writer, session, admission);
  }

  /** Yields between players, so that other work can run. Each write requires the rows as this read them. */
  *make(): Generator<undefined, void> {
    const { players, afterId, upToId } = this.#list.part;
    for (const player of players) {
      this.#take(player);
      yield;
    }
    for (const id of this.#writer.rows.ownedBy.get(this.#session.name).after(afterId)) {
      if (upToId !== '' && id > upToId) return;
      if (this.#named.get(id) !== id) this.#leave(id);
      yield;
    }
  }

  #take(player: Player): void {
    const id = this.#idOf(player);
    if (id === undefined || this.#named.get(id) === id) return;
    const names = [id, player.uuid.toLowerCase()].filter((name) => name !== '');
    // The list has two players who are one person: the first one counts.
    if (names.some((name) => this.#named.has(name))) {
      this.kicked.push(id);
      return;
    }
    for (const name of names) this.#named.set(name, id);
    this.#settle(id, player);
  }

  /** Grants to store first: players whom the proxy does not hold yet. */
  get grants(): ReadonlyMap<string, PlayerWrite> {
    return this.#batch.writes;
  }

  get results(): Reported[] {
    return [...this.#results.values()];
  }

  #idOf(player: Player): string | undefined {
    return this.#attempt(player.id, () => idOf(player));
  }

  #settle(id: string, listed: Player): void {
    const person = personOf(this.#writer.rows, { id, uuid: listed.uuid.toLowerCase() });
    const row = person.get(id);
    const own = row && holds(this.#session, row) && this.#writer.hasOwner(row);
    const others = [...person.values()].filter(
      (one) => (one !== row || !own) && this.#writer.hasOwner(one),
    );
    if (own && others.length === 0) this.#update(id, listed, row);
    // A player who already was granted here belongs to another proxy since then.
    else if (!this.#granted.has(id) && this.#isNewer(id, listed, others)) this.#grant(id, listed);
    else {
      this.kicked.push(id);
      if (own) this.#leave(id);
    }
  }

  /** Whether a login in the list is newer than all other presences of the person. */
  #isNewer(id: string, listed: Player, others: readonly PlayerRow[]): boolean {
    if (listed.generation > 0) return others.every((one) => listed.generation > one.generation);
    const age = this.#list.part.loginAges[id];
    // The login has no grant of this history and no age: it counts as the newest.
    if (!age) return true;
    const since = this.#since(id);
    return others.every(({ player, proxy }) => {
      const other = player.joinTime?.getTime() ?? Infinity;
      return since > other || (since === other && this.#session.name < proxy);
    });
  }

  /** The time of a login: its age from the list, or the arrival of the list. */
  #since(id: string): number {
    const age = this.#list.part.loginAges[id];
    const ageMs = age ? Math.min(Math.max(0, msOf(age)), OLDEST_MS) : 0;
    return this.#list.receivedMs - Math.floor(ageMs);
  }

  #grant(id: string, listed: Player): void {
    this.#attempt(id, () => {
      const player = loginOf(this.#session, listed, new Date(this.#since(id)));
      // If `add` returns false, the next plan includes this player: a plan with grants is not the last.
      this.#batch.add(player);
    });
  }

  #update(id: string, listed: Player, row: PlayerRow): void {
    const { generation } = row;
    this.#results.set(id, { id, generation });
    // The login began after the proxy made the list: the list describes the login before.
    if (this.#isLater(id, row) && listed.generation !== generation) return;
    const change = new PlayerTransition(this.#writer, row);
    const since = this.#granted.has(id) ? row.player.joinTime : undefined;
    const join = (what: Player) => () => this.#join(change, row, what, since);
    const verdict =
      this.#attempt(id, join(listed)) ??
      // The player is online even if the named server is invalid.
      this.#attempt(id, join({ ...listed, server: '' }));
    if (verdict?.kind === 'write') this.#write(id, verdict);
  }

  #join(
    change: PlayerTransition,
    row: PlayerRow,
    listed: Player,
    since: Date | undefined,
  ): Verdict {
    const verdict = change.join(listed, since);
    const after = verdict.kind === 'write' ? verdict.after : null;
    if (after) this.#admission.take(after.player.id, row, after.bytes);
    return verdict;
  }

  #leave(id: string): void {
    const row = this.#writer.rows.get(id);
    // The proxy lists the players who are in. A login under a grant is not in yet; the grant lapses by itself.
    if (!row || row.loggingIn || this.#isLater(id, row)) return;
    this.writes.push(this.#writer.end(id, row, PlayerLeaveReason.SYNC));
  }

  #isLater(id: string, { generation }: PlayerRow): boolean {
    return generation > this.#asOf && !this.#granted.has(id);
  }

  #write(id: string, { draft, server }: Verdict & { kind: 'write' }): void {
    const write = this.#writer.write(id, [draft]);
    this.writes.push(server ? { ...write, also: [server] } : write);
  }

  /** Runs work about one player. Its error becomes the player's result; the player stays with the proxy if it held them. */
  #attempt<T>(id: string, work: () => T): T | undefined {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof KelpieError)) throw error;
      const generation = this.#results.get(id)?.generation ?? 0;
      this.#results.set(id, { id, generation, error });
      return undefined;
    }
  }
}
