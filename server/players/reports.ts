/** Checks a proxy's reports about players against the table, and makes the events and rows of them. */
import type { Event } from '../../gen/ts/kelpie/v1/event.js';
import { type Node, NodeRole } from '../../gen/ts/kelpie/v1/node.js';
import {
  type Player,
  type PlayerChange,
  PlayerLeaveReason,
} from '../../gen/ts/kelpie/v1/player.js';
import type { PlayerReport } from '../../gen/ts/kelpie/v1/presence.js';
import { sameBytes } from '../core/cursor.js';
import { KelpieError } from '../core/errors.js';
import type { Draft, Requirement } from '../journal/journal.js';
import { textOf } from '../network/labels.js';
import { changedPlayer, idOf, invalid, isControlled, playerNotFound, playerOf } from './player.js';
import { Player as PlayerMessage } from '../../gen/ts/kelpie/v1/player.js';
import {
  changedByHolder,
  type ChangedByOthers,
  changedByOther,
  sameChanges,
  withChangesOfOthers,
} from './others.js';
import { type ProxySession, holds, staleLogin } from './proxy-session.js';
import type { PlayerWriter } from './writer.js';
import { type PlayerRow, newRow, type NewPlayerRow } from './rows.js';

const SERVER_BYTES = 255;

/** The effect of a report. */
export type Verdict =
  | {
      readonly kind: 'write';
      readonly draft: Draft;
      readonly after: NewPlayerRow | null;
      /** The row of the named server, which the write requires unchanged. */
      readonly server?: Requirement | undefined;
    }
  | { readonly kind: 'unchanged' };

/** Details of a write beside the player. */
interface Details {
  /** The row of the named server, which the write requires unchanged. */
  readonly server?: Requirement | undefined;
  readonly others?: ChangedByOthers;
  /** The node that changes the player, if another node holds them. */
  readonly by?: string | undefined;
}

/** The id of the player in a report. Throws PLAYER_INVALID. */
export function subjectOf({ playerId, what }: PlayerReport): string {
  if (what?.$case !== 'joined') {
    if (playerId === '') throw invalid('player_id', 'the report has no player_id; set it');
    return playerId;
  }
  const id = idOf(what.value);
  if (playerId === '' || playerId === id) return id;
  throw invalid('player_id', `player_id is not the id of the player, "${id}"; set that id or none`);
}

/**
 * Checks a report against the player's row and the generation of the report. Throws the errors that
 * PlayerReportResult names.
 */
export function judge(
  writer: PlayerWriter,
  session: ProxySession,
  report: PlayerReport,
  generation: number,
  row: PlayerRow | undefined,
): Verdict {
  const { what } = report;
  if (!row) throw playerNotFound(subjectOf(report));
  if (!holds(session, row) || row.generation !== generation) throw staleLogin(row.player.id);
  const change = new PlayerTransition(writer, row);
  switch (what?.$case) {
    case 'joined':
      return change.join(what.value);
    case 'movedTo':
      return change.move(what.value);
    case 'changed':
      return change.change(what.value);
    case 'left':
      return change.leave(what.value);
    case undefined:
      throw invalid('what', 'the report is empty: set joined, moved_to, changed or left');
  }
}

/** The changes of a player whom a proxy holds. */
export class PlayerTransition {
  readonly #writer: PlayerWriter;
  readonly #row: PlayerRow;

  constructor(writer: PlayerWriter, row: PlayerRow) {
    this.#writer = writer;
    this.#row = row;
  }

  /**
   * The player joins, or already has joined and gets new facts. `since`: the time of the join, if not now. Throws
   * the errors of `playerOf` and `move`.
   */
  join(facts: Player, since?: Date): Verdict {
    const { player, loggingIn } = this.#row;
    const { proxy, generation } = player;
    const { server, serverUnregistered, seen } = this.#place('server', facts.server);
    const joinTime = loggingIn ? (since ?? this.#time()) : player.joinTime;
    const place = { proxy, server, serverUnregistered, generation, joinTime };
    const named = playerOf(facts, place);
    const after = loggingIn ? named : withChangesOfOthers(named, this.#row);
    if (loggingIn) {
      const body = { $case: 'playerJoined', value: { player: after } } as const;
      return this.#write(after, body, { server: seen });
    }
    return server === player.server
      ? this.#facts(after, { server: seen })
      : this.#moved(after, seen);
  }

  /** The player moves to another server. Throws PLAYER_INVALID or TEXT_TOO_LONG. */
  move(to: string): Verdict {
    this.#checkOnline();
    const { seen, ...place } = this.#place('moved_to', to);
    const after = { ...this.#row.player, ...place };
    return place.server === this.#row.server
      ? this.#facts(after, { server: seen })
      : this.#moved(after, seen);
  }

  /**
   * Changes some facts of the player. `by`: the node that changes them, if another node holds the player.
   * Throws LABELS_INVALID, TEXT_TOO_LONG or PLAYER_INVALID.
   */
  change(change: PlayerChange, by?: string): Verdict {
    this.#checkOnline();
    const row = this.#row;
    const after = changedPlayer(row.player, change);
    const others =
      by === undefined ? changedByHolder(row.others, change) : changedByOther(row, change);
    return this.#facts(after, { others, by });
  }

  #facts(after: Player, more: Details = {}): Verdict {
    const { player, others } = this.#row;
    if (!samePlayer(player, after)) {
      return this.#write(after, { $case: 'playerUpdated', value: { player: after } }, more);
    }
    if (!more.others || sameChanges(others, more.others)) return { kind: 'unchanged' };
    // The facts stay, and another node owns some of them now: the row changes without an event.
    return this.#write(after, undefined, more);
  }

  /** The player leaves. Throws OUT_OF_RANGE for a reason that a proxy may not give. */
  leave(reason: PlayerLeaveReason): Verdict {
    const { player } = this.#row;
    const given = reason === PlayerLeaveReason.KICKED ? reason : PlayerLeaveReason.QUIT;
    if (reason !== given && reason !== PlayerLeaveReason.UNSPECIFIED) throw reasonError();
    return this.#write(null, { $case: 'playerLeft', value: { player, reason: given } });
  }

  #moved(after: Player, server: Requirement | undefined): Verdict {
    const fromServer = this.#row.server;
    const body = { $case: 'playerMoved', value: { player: after, fromServer } } as const;
    return this.#write(after, body, { server });
  }

  /**
   * Checks the server in a report. The write requires the server's row as it is now, so no player moves to a
   * server that has left. A name that no node has is valid, because many networks list servers in a config file.
   * The player's present server may have left. Players whom a server holds itself are on that server.
   */
  #place(field: string, typed: string) {
    const server = serverOf(field, typed);
    const { proxy: holder } = this.#row;
    if (this.#writer.nodes.nodes.get(holder)?.value.role === NodeRole.DOWNSTREAM) {
      return placeOnHolder(field, server, holder);
    }
    if (server === '') return { server, serverUnregistered: false, seen: undefined };
    const { nodes } = this.#writer;
    const node = nodes.nodes.get(server)?.value;
    if (node && node.role !== NodeRole.DOWNSTREAM) throw noServer(field, node);
    const { player } = this.#row;
    if (!node && server === player.server) {
      return { server, serverUnregistered: player.serverUnregistered, seen: undefined };
    }
    return { server, serverUnregistered: !node, seen: nodes.seen(server) };
  }

  #checkOnline(): void {
    const { player, loggingIn } = this.#row;
    if (loggingIn) throw playerNotFound(player.id);
  }

  #write(
    player: Player | null,
    body: Event['body'],
    { server, others = this.#row.others, by }: Details = {},
  ): Verdict {
    const after = player && newRow(player, this.#row.instance, others);
    const draft = this.#writer.rows.draft(this.#row, this.#time(), body, after, by);
    return { kind: 'write', draft, after, server };
  }

  #time(): Date {
    return this.#writer.time();
  }
}

function samePlayer(left: Player, right: Player): boolean {
  return sameBytes(PlayerMessage.encode(left).finish(), PlayerMessage.encode(right).finish());
}

/** The name of a server, in lower case like the names of nodes. Throws TEXT_TOO_LONG or PLAYER_INVALID. */
function serverOf(field: string, typed: string): string {
  const server = textOf(field, typed, SERVER_BYTES).toLowerCase();
  if (!isControlled(server)) return server;
  throw invalid(field, 'the name of the server contains control characters; remove them');
}

/** The place of a player whom a server holds itself. Throws PLAYER_INVALID for another server. */
function placeOnHolder(field: string, server: string, holder: string) {
  if (server !== '' && server !== holder) {
    const message = `players who join "${holder}" directly stay on "${holder}"; report that they left instead`;
    throw invalid(field, message);
  }
  // The row of the holder's session fences the write already.
  return { server: holder, serverUnregistered: false, seen: undefined };
}

function noServer(field: string, { name }: Node): KelpieError {
  const message = `"${name}" is no server: name a node of the role DOWNSTREAM`;
  return invalid(field, message);
}

function reasonError(): KelpieError {
  const message = 'a proxy may only report QUIT or KICKED as the reason why a player left';
  return new KelpieError('OUT_OF_RANGE', message, { field: 'left', limit: 'KICKED' });
}
