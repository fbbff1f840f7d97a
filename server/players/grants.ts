/**
 * Grants: what gives a player to a proxy. A grant ends whatever else the person is held as: logins that
 * share the XUID or the UUID are of one person, under whatever ids.
 */
import { type Player, PlayerLeaveReason } from '../../gen/ts/kelpie/v1/player.js';
import { KelpieError } from '../core/errors.js';
import type { Draft, Requirement } from '../journal/journal.js';
import type { Network } from '../network/network.js';
import { endDraft } from './ends.js';
import { playerOf } from './player.js';
import { type ProxySession, holds, staleSession, staleLogin } from './proxy-session.js';
import type { Admission } from './admission.js';
import type { PlayerRow, PlayerRows } from './rows.js';
import { commitWrites, contested, type PlayerWrite } from './writes.js';

/** What names a person. */
export type Identity = Pick<Player, 'id' | 'uuid'>;

/** The rows of one person: more than one id where logins shared the UUID alone. */
export function personOf(players: PlayerRows, { id, uuid }: Identity): Map<string, PlayerRow> {
  const rows = new Map<string, PlayerRow>();
  const ids = uuid === '' ? [id] : [id, ...players.index.byUuid.get(uuid)];
  for (const one of ids) {
    const row = players.get(one)?.value;
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
  readonly #network: Network;
  readonly #session: ProxySession;
  readonly #admission: Admission;
  /** Rows that are written; each once, as each is written as it is in the table. */
  readonly #rows = new Set<string>();

  constructor(network: Network, session: ProxySession, admission: Admission) {
    this.#network = network;
    this.#session = session;
    this.#admission = admission;
  }

  /**
   * Gives a player to the proxy, and ends who they were. `isLogin`: they take their time to join. False:
   * it must wait until the others are stored, which are about the same person. Throws PLAYER_LIMIT.
   */
  add(player: Player, isLogin = false): boolean {
    const { playerRows } = this.#network;
    const person = personOf(playerRows, player);
    const rows = new Set([player.id, ...person.keys()]);
    for (const id of rows) if (this.#rows.has(id)) return false;
    const grant = playerRows.grantDraft(player, this.#session.instance);
    const before = person.get(player.id) ?? [...person.values()][0];
    this.#admission.take(player.id, before, grant.value?.length ?? 0, isLogin);
    for (const id of rows) this.#rows.add(id);
    const ends: Draft[] = [];
    const also: Requirement[] = [];
    for (const [id, row] of person) {
      ends.push(endDraft(this.#network, row, PlayerLeaveReason.REPLACED));
      if (id !== player.id) also.push(playerRows.seen(id));
    }
    const write = { seen: playerRows.seen(player.id), also, drafts: [...ends, grant] };
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
  network: Network,
  session: ProxySession,
  joins: readonly Player[],
): Promise<Grants> {
  const grants: Grants = new Map();
  try {
    for (let attempt = 0; attempt < ATTEMPTS;) {
      const written = await grantOnce(network, session, joins, grants);
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
  network: Network,
  session: ProxySession,
  joins: readonly Player[],
  grants: Grants,
) {
  const { playerRows, nodeRows, playerAdmission, options } = network;
  const admission = playerAdmission.admit(session.name);
  try {
    const batch = new GrantBatch(network, session, admission);
    for (const said of joins) {
      // Of a transaction before.
      if (grants.has(said.id)) continue;
      try {
        batch.add(loginOf(session, said, new Date(options.clock.wall())));
      } catch (error) {
        if (!(error instanceof KelpieError)) throw error;
        grants.set(said.id, error);
      }
    }
    const fence = nodeRows.fence(session.name, session.generation);
    const ids = [...batch.writes.keys()];
    return await commitWrites(network, fence, [...batch.writes.values()], (count) => {
      for (const id of ids.splice(0, count)) {
        const row = playerRows.get(id)?.value;
        const own = row?.loggingIn && holds(session, row);
        grants.set(id, own ? row.generation : staleLogin(id));
      }
    });
  } finally {
    admission.release();
  }
}
