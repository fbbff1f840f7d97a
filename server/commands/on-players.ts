/** What is done to players, whichever proxies they are on: one command for each proxy, or a few. */
import type { Command, PlayerRef } from '../../gen/ts/kelpie/v1/command.js';
import type { PlayerTarget } from '../../gen/ts/kelpie/v1/player_service.js';
import type { WireDuration } from '../core/duration.js';
import { KelpieError } from '../core/errors.js';
import { cutText } from '../core/text.js';
import { timeoutOf } from './forms.js';
import type { Commands, NodeResult } from './commands.js';
import type { Network } from '../network/network.js';
import { selected } from '../nodes/queries.js';
import { invalid } from '../players/player.js';
import { findPlayer } from '../players/queries.js';

/** What became of one player. */
export interface PlayerFate {
  readonly playerId: string;
  readonly error?: KelpieError;
}

/** Makes the command for some players of one proxy. */
export type Verb = (players: PlayerRef[]) => Command;

/** As many as one command may be about; their ids fit into one in any case. */
const PLAYERS = 1000;
/** Of what a proxy says about one player. */
const REASON_LETTERS = 512;

/**
 * Does something to players and says what became of each, in the parts in which they were asked for.
 * Throws what is wrong with the command, NO_TARGET if nobody matches, and what is wrong with the one
 * player, if it is about one.
 */
export async function doToPlayers(
  network: Network,
  commands: Commands,
  target: PlayerTarget | undefined,
  verb: Verb,
  timeout: WireDuration | undefined,
  asker?: unknown,
): Promise<PlayerFate[][]> {
  const timeoutMs = timeoutOf(timeout);
  const parts = await network.searches.work(targeted(network, target), asker);
  if (parts.length === 0) throw new KelpieError('NO_TARGET', 'no player is there');
  const ask = (part: Part): Promise<PlayerFate[]> => askProxy(commands, part, verb, timeoutMs);
  const fates = await Promise.all(await network.searches.work(asking(parts, ask), asker));
  const only = fates[0]?.[0];
  if (target?.place?.$case === 'player' && only?.error) throw only.error;
  return fates;
}

/** Players of one proxy, as many as one command may be about. */
interface Part {
  readonly proxy: string;
  readonly players: PlayerRef[];
}

/** Whom it is for. */
function* targeted(
  network: Network,
  target: PlayerTarget | undefined,
): Generator<undefined, Part[]> {
  const parts: Part[] = [];
  const open = new Map<string, Part>();
  for (const id of idsOf(network, target)) {
    yield;
    const row = network.playerRows.onlineOf(id)?.value;
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

function* asking<Result>(
  parts: readonly Part[],
  ask: (part: Part) => Promise<Result>,
): Generator<undefined, Promise<Result>[]> {
  const asked: Promise<Result>[] = [];
  for (const part of parts) {
    const one = ask(part);
    // Waited for when all are asked: a rejection before that is not alone.
    one.catch(() => undefined);
    asked.push(one);
    yield;
  }
  return asked;
}

function* idsOf(network: Network, target: PlayerTarget | undefined): Generator<string> {
  const { playerRows } = network;
  const place = target?.place;
  switch (place?.$case) {
    case 'player':
      yield findPlayer(network, place.value).id;
      return;
    case 'server':
      yield* playerRows.byServer.get(place.value.toLowerCase());
      return;
    case 'proxy':
      yield* playerRows.byProxy.get(place.value.toLowerCase());
      return;
    case 'servers':
      for (const { name } of selected(network, place.value)) yield* playerRows.byServer.get(name);
      return;
    case 'everyone':
      yield* playerRows.names.after('');
      return;
    case undefined:
      throw invalid('target', 'say for whom it is: a player, a server, a proxy, servers, everyone');
  }
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
    // What is wrong with the command is so for all; that this proxy cannot, for its players.
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
    const message = given?.error?.message ?? 'the proxy did not say what became of it';
    const error = new KelpieError('COMMAND_FAILED', cutText(message, REASON_LETTERS), {
      player: playerId,
    });
    return { playerId, error };
  });
}
