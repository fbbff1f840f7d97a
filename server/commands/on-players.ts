/** Commands on players: each becomes one or a few commands for each proxy of the players. */
import type { Command, PlayerRef } from '../../gen/ts/kelpie/v1/command.js';
import type { PlayerTarget } from '../../gen/ts/kelpie/v1/player_service.js';
import type { WireDuration } from '../core/duration.js';
import type { SharedTurn } from '../core/fair-turn.js';
import { KelpieError } from '../core/errors.js';
import { cutText } from '../core/text.js';
import { timeoutOf } from './forms.js';
import type { Commands, NodeResult } from './commands.js';
import type { NodeQueries } from '../nodes/queries.js';
import { invalid } from '../players/player.js';
import type { PlayerQueries } from '../players/queries.js';
import type { PlayerRows } from '../players/rows.js';

/** The result for one player. */
export interface PlayerFate {
  readonly playerId: string;
  readonly error?: KelpieError;
}

/** Makes the command for some players of one proxy. */
export type Verb = (players: PlayerRef[]) => Command;

/** The most players of one command. Their ids always fit into one message. */
const PLAYERS = 1000;
/** The longest message that this passes on from a proxy about one player. */
const REASON_LETTERS = 512;

/** Players of one proxy, at most PLAYERS. */
interface Part {
  readonly proxy: string;
  readonly players: PlayerRef[];
}

/** Sends commands to the proxies of players. */
export class PlayerCommands {
  readonly #searches: SharedTurn;
  readonly #commands: Commands;
  readonly #rows: PlayerRows;
  readonly #players: PlayerQueries;
  readonly #nodes: NodeQueries;

  constructor(
    searches: SharedTurn,
    commands: Commands,
    rows: PlayerRows,
    players: PlayerQueries,
    nodes: NodeQueries,
  ) {
    this.#searches = searches;
    this.#commands = commands;
    this.#rows = rows;
    this.#players = players;
    this.#nodes = nodes;
  }

  /**
   * Sends the command to the proxies of these players. Returns the result for each player, grouped by command.
   * Throws the errors of an invalid command, and NO_TARGET if no player matches. If the target is one player, it
   * throws the error of this player.
   */
  async send(
    target: PlayerTarget | undefined,
    verb: Verb,
    timeout: WireDuration | undefined,
    asker?: unknown,
  ): Promise<PlayerFate[][]> {
    const timeoutMs = timeoutOf(timeout);
    const parts = await this.#searches.work(this.#parts(target), asker);
    if (parts.length === 0) throw new KelpieError('NO_TARGET', 'no player is there');
    const ask = (part: Part): Promise<PlayerFate[]> =>
      askProxy(this.#commands, part, verb, timeoutMs);
    const fates = await Promise.all(await this.#searches.work(asking(parts, ask), asker));
    const only = fates[0]?.[0];
    if (target?.place?.$case === 'player' && only?.error) throw only.error;
    return fates;
  }

  /**
   * The players of a target who are online, in their presences: at most `limit`. Throws the errors of PlayerTarget,
   * and NO_TARGET if no player matches.
   */
  *refs(target: PlayerTarget | undefined, limit: number): Generator<undefined, PlayerRef[]> {
    const refs: PlayerRef[] = [];
    for (const playerId of this.#ids(target)) {
      if (refs.length === limit) break;
      yield;
      const row = this.#rows.onlineOf(playerId);
      if (row) refs.push({ playerId, generation: row.generation });
    }
    if (refs.length === 0) throw new KelpieError('NO_TARGET', 'no player is there');
    return refs;
  }

  /** The players of a target, grouped for the commands. */
  *#parts(target: PlayerTarget | undefined): Generator<undefined, Part[]> {
    const parts: Part[] = [];
    const open = new Map<string, Part>();
    for (const id of this.#ids(target)) {
      yield;
      const row = this.#rows.onlineOf(id);
      if (!row) continue;
      const { proxy, generation } = row;
      let part = open.get(proxy);
      if (!part || part.players.length === PLAYERS) {
        part = { proxy, players: [] };
        open.set(proxy, part);
        parts.push(part);
      }
      part.players.push({ playerId: id, generation });
    }
    return parts;
  }

  *#ids(target: PlayerTarget | undefined): Generator<string> {
    const place = target?.place;
    switch (place?.$case) {
      case 'player':
        yield this.#players.find(place.value).id;
        return;
      case 'server':
        yield* this.#rows.byServer.get(place.value.toLowerCase());
        return;
      case 'proxy':
        yield* this.#rows.byProxy.get(place.value.toLowerCase());
        return;
      case 'servers':
        for (const { name } of this.#nodes.selected(place.value))
          yield* this.#rows.byServer.get(name);
        return;
      case 'everyone':
        yield* this.#rows.names.after('');
        return;
      case undefined:
        throw invalid(
          'target',
          'the target is empty: set player, server, proxy, servers or everyone',
        );
    }
  }
}

function* asking<Result>(
  parts: readonly Part[],
  ask: (part: Part) => Promise<Result>,
): Generator<undefined, Promise<Result>[]> {
  const asked: Promise<Result>[] = [];
  for (const part of parts) {
    const one = ask(part);
    // Somebody awaits it only after all commands are sent; without this, an earlier rejection would be unhandled.
    one.catch(() => undefined);
    asked.push(one);
    yield;
  }
  return asked;
}

async function askProxy(
  commands: Commands,
  { proxy, players }: Part,
  verb: Verb,
  timeoutMs: number,
): Promise<PlayerFate[]> {
  try {
    const { outcome } = await commands.ask(proxy, verb(players), timeoutMs);
    return fatesOf(players, outcome);
  } catch (error) {
    // An invalid command fails for all players. An error of this proxy fails only for its players.
    if (!(error instanceof KelpieError) || !OF_PROXY.has(error.reason)) throw error;
    return players.map(({ playerId }) => ({ playerId, error }));
  }
}

const OF_PROXY: ReadonlySet<string> = new Set([
  'NO_TARGET',
  'COMMAND_NOT_HANDLED',
  'COMMAND_LIMIT',
]);

function fatesOf(players: readonly PlayerRef[], outcome: NodeResult['outcome']): PlayerFate[] {
  if (outcome instanceof KelpieError) {
    return players.map(({ playerId }) => ({ playerId, error: outcome }));
  }
  const outcomes = outcome.form?.$case === 'players' ? outcome.form.value.outcomes : [];
  const byId = new Map(outcomes.map((one) => [one.playerId, one]));
  return players.map(({ playerId }) => {
    const given = byId.get(playerId);
    if (given && !given.error) return { playerId };
    const message = given?.error?.message ?? 'the proxy did not report a result for this player';
    const error = new KelpieError('COMMAND_FAILED', cutText(message, REASON_LETTERS), {
      player: playerId,
    });
    return { playerId, error };
  });
}
