/**
 * Grants: each gives a player to a proxy, and ends every other presence of the same person. Logins with the same
 * XUID or the same UUID are one person, even under different ids. A grant also ends the person's ticket, whose goal
 * is known to the login that the ticket was for, and to nobody else.
 */
import { type Player, PlayerLeaveReason } from '../../gen/ts/kelpie/v1/player.js';
import type { TransferTicket } from '../../gen/ts/kelpie/v1/presence.js';
import { KelpieError } from '../core/errors.js';
import { playerOf } from './player.js';
import { type ProxySession, holds, staleLogin } from './proxy-session.js';
import { notOwner } from '../nodes/rows.js';
import type { Admission } from './admission.js';
import type { PlayerRow, PlayerRows } from './rows.js';
import { isFor, type TicketRows } from './ticket-rows.js';
import { contested, type PlayerWrite, type PlayerWriter } from './writer.js';

/** The names of a person. */
export type Identity = Pick<Player, 'id' | 'uuid'>;

/** The rows of one person. They have several ids if logins shared only the UUID. */
export function personOf(all: PlayerRows, { id, uuid }: Identity): Map<string, PlayerRow> {
  const rows = new Map<string, PlayerRow>();
  const ids = uuid === '' ? [id] : [id, ...all.index.byUuid.get(uuid)];
  for (const one of ids) {
    const row = all.get(one);
    if (row) rows.set(one, row);
  }
  return rows;
}

/** A player who logs in on a proxy since `since`. Throws the errors of `playerOf`. */
export function loginOf(session: ProxySession, facts: Player, since: Date): Player {
  const place = { proxy: session.name, server: '', serverUnregistered: false, generation: 0 };
  return playerOf(facts, { ...place, joinTime: since });
}

/** Grants for one transaction. */
export class GrantBatch {
  /** By the ids of the players. */
  readonly writes = new Map<string, PlayerWrite>();
  readonly #writer: PlayerWriter;
  readonly #session: ProxySession;
  readonly #admission: Admission;
  /** Ids of the rows that this transaction writes. It may write each once: each write requires the stored row. */
  readonly #rows = new Set<string>();

  constructor(writer: PlayerWriter, session: ProxySession, admission: Admission) {
    this.#writer = writer;
    this.#session = session;
    this.#admission = admission;
  }

  /**
   * Gives a player to the proxy, and ends the person's other presences and their ticket. `isLogin`: the player has
   * not joined yet. False: the batch already has a grant of the same person, which must be stored first. Throws
   * PLAYER_LIMIT.
   */
  add(player: Player, isLogin = false): boolean {
    const { rows } = this.#writer;
    const { tickets } = rows;
    const person = personOf(rows, player);
    const ended = tickets.of([player.id, ...person.keys()], player.uuid);
    const ids = new Set([player.id, ...person.keys(), ...ended.keys()]);
    for (const id of ids) if (this.#rows.has(id)) return false;
    const ticket = isLogin ? this.#redeemed(person, ended) : undefined;
    const grant = rows.grantDraft(player, this.#session.instance, ticket);
    const before = person.get(player.id) ?? [...person.values()][0];
    this.#admission.take(player.id, before, grant.value?.length ?? 0, isLogin);
    for (const id of ids) this.#rows.add(id);
    const ends = [...person.values()].map((row) =>
      this.#writer.endDraft(row, PlayerLeaveReason.REPLACED),
    );
    const redeemed = [...ended.keys()].map((id) => tickets.endDraft(id));
    // Where there is no ticket, none may come meanwhile: it would outlive this login.
    const also = [...ids].flatMap((id) => [rows.seen(id), tickets.seen(id)]);
    const drafts = [...ends, ...redeemed, grant];
    this.writes.set(player.id, { seen: rows.seen(player.id), also, drafts });
    return true;
  }

  /**
   * The ticket that a login redeems: one for this process. A process that asks again for a login that it holds gets
   * the ticket of that login again, because the first answer may be lost with its stream.
   */
  #redeemed(
    person: ReadonlyMap<string, PlayerRow>,
    tickets: ReturnType<TicketRows['of']>,
  ): TransferTicket | undefined {
    for (const { value } of tickets.values()) {
      if (isFor(this.#session, value)) return value.ticket;
    }
    for (const row of person.values()) {
      if (row.loggingIn && holds(this.#session, row)) return row.ticket;
    }
    return undefined;
  }
}

/** The generation or the error of each join without a grant, by id. */
export type Grants = Map<string, number | KelpieError>;

const ATTEMPTS = 8;

/**
 * Gives players who joined without a grant to their proxy, as KICK_OLD would: many in one transaction. Throws
 * STALE_GENERATION if another session owns the node.
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
      if (written === 'stale') throw notOwner(session);
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
    for (const facts of joins) {
      // An earlier transaction granted or refused this one.
      if (grants.has(facts.id)) continue;
      try {
        batch.add(loginOf(session, facts, writer.time()));
      } catch (error) {
        if (!(error instanceof KelpieError)) throw error;
        grants.set(facts.id, error);
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
