/** Settles what a proxy has with what the table says it has. */
import { PlayerLeaveReason, type Player } from '../../gen/ts/kelpie/v1/player.js';
import type { SyncPlayers } from '../../gen/ts/kelpie/v1/presence.js';
import { msOf } from '../core/duration.js';
import { KelpieError } from '../core/errors.js';
import { idOf } from './player.js';
import { GrantBatch, loginOf, personOf } from './grants.js';
import { type ProxySession, holds, staleSession } from './proxy-session.js';
import { PlayerTransition, type Verdict } from './reports.js';
import type { Reported } from './report-batch.js';
import type { Admission } from './admission.js';
import type { PlayerRow } from './rows.js';
import { contested, type PlayerWrite, type PlayerWriter } from './writer.js';

/** What a part of a list got. */
export interface Synced {
  readonly results: readonly Reported[];
  /** Ids of players whom the proxy must kick. */
  readonly kicked: readonly string[];
}

const ATTEMPTS = 8;
/** Longer than anybody is on a server; so every time of a login is one. */
const OLDEST_MS = 365 * 24 * 60 * 60 * 1000;

/** A part of a list, and when it came, by the wall clock. */
export interface ListPart {
  readonly part: SyncPlayers;
  readonly receivedMs: number;
}

/** Takes a part of a list. Throws STALE_GENERATION if the session does not own its node any more. */
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
      if (written === 'stale') throw staleSession(session);
      if (written === 'changed') attempt += 1;
      else if (grants.size === 0) return plan;
    } finally {
      admission.release();
    }
  }
  throw contested();
}

/** What is to be done about a part, as the table is now. */
class Plan implements Synced {
  readonly #results = new Map<string, Reported>();
  readonly kicked: string[] = [];
  /** When all are its own: what differs. */
  readonly writes: PlayerWrite[] = [];
  readonly #writer: PlayerWriter;
  readonly #session: ProxySession;
  readonly #list: ListPart;
  readonly #asOf: number;
  /** Whom this list was given by a transaction before. */
  readonly #granted: ReadonlySet<string>;
  readonly #admission: Admission;
  readonly #batch: GrantBatch;
  /** Whom the list names, by id and UUID. */
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
    // What was granted on a stream before this one can be told no more: the list knows better.
    this.#asOf = Math.max(list.part.asOf, session.generation);
    this.#granted = granted;
    this.#admission = admission;
    this.#batch = new GrantBatch(writer, session, admission);
  }

  /** Yields wherever others may go on: what is written requires the rows as they were looked at. */
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
    // Two entries of one person: the first one counts.
    if (names.some((name) => this.#named.has(name))) {
      this.kicked.push(id);
      return;
    }
    for (const name of names) this.#named.set(name, id);
    this.#settle(id, player);
  }

  /** First: players who must be given to the proxy. */
  get grants(): ReadonlyMap<string, PlayerWrite> {
    return this.#batch.writes;
  }

  get results(): Reported[] {
    return [...this.#results.values()];
  }

  #idOf(player: Player): string | undefined {
    return this.#attempt(player.id, () => idOf(player));
  }

  #settle(id: string, said: Player): void {
    const person = personOf(this.#writer.rows, { id, uuid: said.uuid.toLowerCase() });
    const row = person.get(id);
    const own = row && holds(this.#session, row) && this.#writer.hasOwner(row);
    const others = [...person.values()].filter(
      (one) => (one !== row || !own) && this.#writer.hasOwner(one),
    );
    if (own && others.length === 0) this.#update(id, said, row);
    // Granted once already: somebody else was given the person since.
    else if (!this.#granted.has(id) && this.#isNewer(id, said, others)) this.#grant(id, said);
    else {
      this.kicked.push(id);
      if (own) this.#leave(id);
    }
  }

  /** Whether a login is newer than all others of the person. */
  #isNewer(id: string, said: Player, others: readonly PlayerRow[]): boolean {
    if (said.generation > 0) return others.every((one) => said.generation > one.generation);
    const age = this.#list.part.loginAges[id];
    // It got no grant, or in another history, and does not say when: taken for the newest.
    if (!age) return true;
    const since = this.#since(id);
    return others.every(({ player, proxy }) => {
      const other = player.joinTime?.getTime() ?? Infinity;
      return since > other || (since === other && this.#session.name < proxy);
    });
  }

  /** When somebody logged in, as far as it is said. */
  #since(id: string): number {
    const age = this.#list.part.loginAges[id];
    const ageMs = age ? Math.min(Math.max(0, msOf(age)), OLDEST_MS) : 0;
    return this.#list.receivedMs - Math.floor(ageMs);
  }

  #grant(id: string, said: Player): void {
    this.#attempt(id, () => {
      const player = loginOf(this.#session, said, new Date(this.#since(id)));
      // One that must wait is looked at again: these grants are not the last.
      this.#batch.add(player);
    });
  }

  #update(id: string, said: Player, row: PlayerRow): void {
    const { generation } = row;
    this.#results.set(id, { id, generation });
    // A login that began after the list was made: what the list says is of the one before.
    if (this.#isLater(id, row) && said.generation !== generation) return;
    const change = new PlayerTransition(this.#writer, row);
    const since = this.#granted.has(id) ? row.player.joinTime : undefined;
    const join = (what: Player) => () => this.#join(change, row, what, since);
    const verdict =
      this.#attempt(id, join(said)) ??
      // They are there, whatever is wrong with the server that is named.
      this.#attempt(id, join({ ...said, server: '' }));
    if (verdict?.kind === 'write') this.#write(id, verdict);
  }

  #join(change: PlayerTransition, row: PlayerRow, said: Player, since: Date | undefined): Verdict {
    const verdict = change.join(said, since);
    const after = verdict.kind === 'write' ? verdict.after : null;
    if (after) this.#admission.take(after.player.id, row, after.bytes);
    return verdict;
  }

  #leave(id: string): void {
    const row = this.#writer.rows.get(id);
    if (!row || this.#isLater(id, row)) return;
    this.writes.push(this.#writer.end(id, row, PlayerLeaveReason.SYNC));
  }

  #isLater(id: string, { generation }: PlayerRow): boolean {
    return generation > this.#asOf && !this.#granted.has(id);
  }

  #write(id: string, { draft, server }: Verdict & { kind: 'write' }): void {
    const write = this.#writer.write(id, [draft]);
    this.writes.push(server ? { ...write, also: [server] } : write);
  }

  /** What cannot be is told beside its player, whom the proxy then holds if it held them before. */
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
