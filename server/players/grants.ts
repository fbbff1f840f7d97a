/**
 * Grants: what gives a player to a proxy. A grant ends whatever else the person is held as: logins that
 * share the XUID or the UUID are of one person, under whatever ids.
 */
import { type Player, PlayerLeaveReason } from '../../gen/ts/kelpie/v1/player.js';
import { KelpieError } from '../core/errors.js';
import type { Draft, Requirement } from '../journal/journal.js';
import { playerOf } from './player.js';
import { type ProxySession, holds, staleSession, staleLogin } from './proxy-session.js';
import type { Admission } from './admission.js';
import type { PlayerRow, PlayerRows } from './rows.js';
import { contested, type PlayerWrite, type PlayerWriter } from './writer.js';

/** What names a person. */
export type Identity = Pick<Player, 'id' | 'uuid'>;

/** The rows of one person: more than one id where logins shared the UUID alone. */
export function personOf(all: PlayerRows, { id, uuid }: Identity): Map<string, PlayerRow> {
  const rows = new Map<string, PlayerRow>();
  const ids = uuid === '' ? [id] : [id, ...all.index.byUuid.get(uuid)];
  for (const one of ids) {
    const row = all.get(one);
    if (row) rows.set(one, row);
  }
  return rows;
}

/** A player of whom a proxy says that they log in; `since`: when that was. Throws what facts can be. */
export function loginOf(session: ProxySession, said: Player, since: Date): Player {
  const place = { proxy: session.name, server: '', serverUnregistered: false, generation: 0 };
  return playerOf(said, { ...place, joinTime: since });
}

/** Grants for one transaction. */
export class GrantBatch {
  /** By the ids of the players. */
  readonly writes = new Map<string, PlayerWrite>();
  readonly #writer: PlayerWriter;
  readonly #session: ProxySession;
  readonly #admission: Admission;
  /** Rows that are written; each once, as each is written as it is in the table. */
  readonly #rows = new Set<string>();

  constructor(writer: PlayerWriter, session: ProxySession, admission: Admission) {
    this.#writer = writer;
    this.#session = session;
    this.#admission = admission;
  }

  /**
   * Gives a player to the proxy, and ends who they were. `isLogin`: they take their time to join. False:
   * it must wait until the others are stored, which are about the same person. Throws PLAYER_LIMIT.
   */
  add(player: Player, isLogin = false): boolean {
    const { rows } = this.#writer;
    const person = personOf(rows, player);
    const ids = new Set([player.id, ...person.keys()]);
    for (const id of ids) if (this.#rows.has(id)) return false;
    const grant = rows.grantDraft(player, this.#session.instance);
    const before = person.get(player.id) ?? [...person.values()][0];
    this.#admission.take(player.id, before, grant.value?.length ?? 0, isLogin);
    for (const id of ids) this.#rows.add(id);
    const ends: Draft[] = [];
    const also: Requirement[] = [];
    for (const [id, row] of person) {
      ends.push(this.#writer.endDraft(row, PlayerLeaveReason.REPLACED));
      if (id !== player.id) also.push(rows.seen(id));
    }
    const write = { seen: rows.seen(player.id), also, drafts: [...ends, grant] };
    this.writes.set(player.id, write);
    return true;
  }
}

/** What joins without a grant got, by id. */
export type Grants = Map<string, number | KelpieError>;

const ATTEMPTS = 8;

/**
 * Gives players to a proxy that have joined there without a grant, as KICK_OLD would: many in one
 * transaction. Throws STALE_GENERATION if the session does not own its node any more.
 */
export async function grantJoins(
  writer: PlayerWriter,
  session: ProxySession,
  joins: readonly Player[],
): Promise<Grants> {
  const grants: Grants = new Map();
  try {
    for (let attempt = 0; attempt < ATTEMPTS;) {
      const written = await grantOnce(writer, session, joins, grants);
      if (written === 'stale') throw staleSession(session);
      if (written === 'changed') attempt += 1;
      else if (grants.size === joins.length) return grants;
    }
    throw contested();
  } catch (error) {
    if (!(error instanceof KelpieError) || error.reason === 'STALE_GENERATION') throw error;
    for (const { id } of joins) if (typeof grants.get(id) !== 'number') grants.set(id, error);
    return grants;
  }
}

async function grantOnce(
  writer: PlayerWriter,
  session: ProxySession,
  joins: readonly Player[],
  grants: Grants,
) {
  const admission = writer.admit(session);
  try {
    const batch = new GrantBatch(writer, session, admission);
    for (const said of joins) {
      // Of a transaction before.
      if (grants.has(said.id)) continue;
      try {
        batch.add(loginOf(session, said, writer.time()));
      } catch (error) {
        if (!(error instanceof KelpieError)) throw error;
        grants.set(said.id, error);
      }
    }
    const fence = writer.fence(session);
    const ids = [...batch.writes.keys()];
    return await writer.commit(fence, [...batch.writes.values()], (count) => {
      for (const id of ids.splice(0, count)) {
        const row = writer.rows.get(id);
        const own = row?.loggingIn && holds(session, row);
        grants.set(id, own ? row.generation : staleLogin(id));
      }
    });
  } finally {
    admission.release();
  }
}
