/** What is done to players, whichever proxies they are on: one command for each proxy, or a few. */
import type { Command, PlayerRef } from '../../gen/ts/kelpie/v1/command.js';
import type { PlayerTarget } from '../../gen/ts/kelpie/v1/player_service.js';
import type { WireDuration } from '../core/duration.js';
import { KelpieError } from '../core/errors.js';
import { timeoutOf } from './command-facts.js';
import type { Commands, NodeResult } from './commands.js';
import type { Network } from './network.js';
import { selected } from './node-list.js';
import { invalid } from './player-facts.js';
import { findPlayer } from './player-list.js';

/** What became of one player. */
export interface PlayerFate {
  readonly playerId: string;
  readonly error?: KelpieError;
}

/** Makes the command for some players of one proxy. */
export type Verb = (players: PlayerRef[]) => Command;

/** As many as one command may be about, and their ids fit into one in any case. */
const PLAYERS = 1000;
const TIMEOUT_MS = 10_000;

/**
 * Does something to players and says what became of each. Throws what is wrong with the command, NO_TARGET
 * if nobody matches, and what is wrong with the one player, if it is about one.
 */
export async function doToPlayers(
  network: Network,
  commands: Commands,
  target: PlayerTarget | undefined,
  verb: Verb,
  timeout: WireDuration | undefined,
): Promise<PlayerFate[]> {
  const byProxy = targeted(network, target);
  if (byProxy.size === 0) throw new KelpieError('NO_TARGET', 'no player is there');
  const timeoutMs = timeout ? timeoutOf(timeout) : TIMEOUT_MS;
  const asked = [...byProxy].flatMap(([proxy, players]) =>
    chunks(players).map((chunk) => askProxy(commands, proxy, chunk, verb, timeoutMs)),
  );
  const fates = (await Promise.all(asked)).flat();
  const [only] = fates;
  if (target?.place?.$case === 'player' && only?.error) throw only.error;
  return fates;
}

/** Whom it is for, by proxy. */
function targeted(network: Network, target: PlayerTarget | undefined): Map<string, PlayerRef[]> {
  const found = new Map<string, PlayerRef[]>();
  for (const id of idsOf(network, target)) {
    const held = network.players.onlineOf(id)?.value;
    if (!held) continue;
    const ref = { playerId: id, generation: held.generation };
    const refs = found.get(held.proxy);
    if (refs) refs.push(ref);
    else found.set(held.proxy, [ref]);
  }
  return found;
}

function* idsOf(network: Network, target: PlayerTarget | undefined): Generator<string> {
  const { players } = network;
  const place = target?.place;
  switch (place?.$case) {
    case 'player':
      yield findPlayer(network, place.value).id;
      return;
    case 'server':
      return yield* players.byServer.get(place.value.toLowerCase());
    case 'proxy':
      return yield* players.byProxy.get(place.value.toLowerCase());
    case 'servers':
      for (const { name } of selected(network, place.value)) yield* players.byServer.get(name);
      return;
    case 'everyone':
      for (const [id] of players.entries()) yield id;
      return;
    case undefined:
      throw invalid('target', 'say for whom it is: a player, a server, a proxy, servers, everyone');
  }
}

function chunks(players: readonly PlayerRef[]): PlayerRef[][] {
  const count = Math.ceil(players.length / PLAYERS);
  return Array.from({ length: count }, (_, index) =>
    players.slice(index * PLAYERS, (index + 1) * PLAYERS),
  );
}

async function askProxy(
  commands: Commands,
  proxy: string,
  players: PlayerRef[],
  verb: Verb,
  timeoutMs: number,
): Promise<PlayerFate[]> {
  try {
    const { outcome } = await commands.ask(proxy, verb(players), timeoutMs);
    return players.map(({ playerId }) => fateOf(playerId, outcome));
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

function fateOf(playerId: string, outcome: NodeResult['outcome']): PlayerFate {
  if (outcome instanceof KelpieError) return { playerId, error: outcome };
  const outcomes = outcome.form?.$case === 'players' ? outcome.form.value.outcomes : [];
  const said = outcomes.find((one) => one.playerId === playerId);
  if (said && !said.error) return { playerId };
  const message = said?.error?.message ?? 'the proxy did not say what became of it';
  return { playerId, error: new KelpieError('COMMAND_FAILED', message, { player: playerId }) };
}
