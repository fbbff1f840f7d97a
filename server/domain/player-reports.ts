/** What a proxy reports of its players: judged against the table, and written in one transaction. */
import type { Event } from '../../gen/ts/kelpie/v1/event.js';
import { type Player, PlayerLeaveReason } from '../../gen/ts/kelpie/v1/player.js';
import type { PlayerReport } from '../../gen/ts/kelpie/v1/presence.js';
import { sameBytes } from '../core/cursor.js';
import { KelpieError } from '../core/errors.js';
import type { Draft } from '../journal/journal.js';
import type { Network } from './network.js';
import { notFound } from './node-list.js';
import { changedPlayer, idOf, invalid, playerNotFound, playerOf } from './player-facts.js';
import { Player as PlayerMessage } from '../../gen/ts/kelpie/v1/player.js';
import { type Held, heldOf } from './player-table.js';
import { type Holder, isOwn, staleLogin } from './players.js';
import { cutText } from '../core/text.js';

/** What becomes of a report. */
export type Verdict =
  | { readonly kind: 'write'; readonly draft: Draft; readonly after: Held | null }
  | { readonly kind: 'unchanged' }
  /** He must be acquired first. */
  | { readonly kind: 'acquire'; readonly player: Player };

/** The player whom a report is about. Throws PLAYER_INVALID. */
export function subjectOf({ playerId, what }: PlayerReport): string {
  if (what?.$case !== 'joined') {
    if (playerId === '') throw invalid('player_id', 'the report does not say whom it is about');
    return playerId;
  }
  const id = idOf(what.value);
  if (playerId === '' || playerId === id) return id;
  throw invalid('player_id', `the report is about "${id}" and says another id`);
}

/** Judges a report of a player as he is held. Throws the errors that PlayerReportResult names. */
export function judge(
  network: Network,
  holder: Holder,
  report: PlayerReport,
  held: Held | undefined,
): Verdict {
  const { what, generation } = report;
  if (what?.$case === 'joined' && generation === 0) return { kind: 'acquire', player: what.value };
  if (!held) throw playerNotFound(subjectOf(report));
  if (!isOwn(holder, held) || held.generation !== generation) throw staleLogin(held.player.id);
  const change = new Change(network, held);
  switch (what?.$case) {
    case 'joined':
      return change.join(what.value);
    case 'movedTo':
      return change.move(what.value);
    case 'changed':
      return change.facts(changedPlayer(held.player, what.value));
    case 'left':
      return change.leave(what.value);
    case undefined:
      throw invalid('what', 'the report does not say what the player did');
  }
}

/** What can become of a player whom his proxy holds. */
export class Change {
  readonly #network: Network;
  readonly #held: Held;

  constructor(network: Network, held: Held) {
    this.#network = network;
    this.#held = held;
  }

  /** He is in, or he was and this is how he is now. Throws NODE_NOT_FOUND and what facts can be. */
  join(said: Player): Verdict {
    const { player, loggingIn } = this.#held;
    const { proxy, generation } = player;
    const server = this.#server(said.server);
    const joinTime = loggingIn ? this.#time() : player.joinTime;
    const place = { proxy, server, serverUnregistered: false, generation, joinTime };
    const after = playerOf(said, place);
    if (loggingIn) return this.#write(after, { $case: 'playerJoined', value: { player: after } });
    return server === player.server ? this.facts(after) : this.#moved(after);
  }

  /** He is on another server. Throws NODE_NOT_FOUND. */
  move(to: string): Verdict {
    this.#checkOnline();
    const { player } = this.#held;
    const server = this.#server(to);
    return server === player.server ? { kind: 'unchanged' } : this.#moved({ ...player, server });
  }

  /** Other facts about him. */
  facts(after: Player): Verdict {
    this.#checkOnline();
    if (samePlayer(this.#held.player, after)) return { kind: 'unchanged' };
    return this.#write(after, { $case: 'playerUpdated', value: { player: after } });
  }

  /** He is gone. Throws OUT_OF_RANGE for a reason that is not a proxy's to give. */
  leave(reason: PlayerLeaveReason): Verdict {
    const { player } = this.#held;
    const given = reason === PlayerLeaveReason.KICKED ? reason : PlayerLeaveReason.QUIT;
    if (reason !== given && reason !== PlayerLeaveReason.UNSPECIFIED) throw reasonError();
    return this.#write(null, { $case: 'playerLeft', value: { player, reason: given } });
  }

  #moved(after: Player): Verdict {
    const fromServer = this.#held.server;
    return this.#write(after, { $case: 'playerMoved', value: { player: after, fromServer } });
  }

  /** A server is a node, or none; one that he is on already may have left. */
  #server(typed: string): string {
    const name = typed.toLowerCase();
    const known = name === '' || name === this.#held.server;
    if (!known && !this.#network.tables.nodes.get(name)) throw notFound(cutText(typed, 255));
    return name;
  }

  #checkOnline(): void {
    const { player, loggingIn } = this.#held;
    if (loggingIn) throw playerNotFound(player.id);
  }

  #write(player: Player | null, body: NonNullable<Event['body']>): Verdict {
    const after = player && heldOf(player, this.#held.instance, false);
    const draft = this.#network.players.draft(this.#held, this.#time(), body, after);
    return { kind: 'write', draft, after };
  }

  #time(): Date {
    return new Date(this.#network.options.clock.wall());
  }
}

function samePlayer(left: Player, right: Player): boolean {
  return sameBytes(PlayerMessage.encode(left).finish(), PlayerMessage.encode(right).finish());
}

function reasonError(): KelpieError {
  const message = 'a proxy reports that a player left by QUIT or KICKED';
  return new KelpieError('OUT_OF_RANGE', message, { field: 'left', limit: 'KICKED' });
}
