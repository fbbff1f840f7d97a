/** PlayerService: who is online, and what is done to players. */
import type { ServiceImplementation } from 'nice-grpc';
import type { PlayerOutcome, PlayerRef } from '../../gen/ts/kelpie/v1/command.js';
import { BatchGetPlayersRequest } from '../../gen/ts/kelpie/v1/player_service.js';
import type {
  BatchGetPlayersResponse,
  CountPlayersRequest,
  CountPlayersResponse,
  GetPlayerRequest,
  GetPlayerResponse,
  KickPlayersRequest,
  KickPlayersResponse,
  ListPlayersRequest,
  ListPlayersResponse,
  PlayerServiceDefinition,
  ShowMessageRequest,
  ShowMessageResponse,
} from '../../gen/ts/kelpie/v1/player_service.js';
import { KelpieError } from '../core/errors.js';
import { checkDisplay } from '../domain/command-facts.js';
import { countPlayers } from '../domain/player-counts.js';
import { findPlayer, findPlayers, listPlayers } from '../domain/player-list.js';
import { doToPlayers, type PlayerFate } from '../domain/verbs.js';
import { wireError } from '../session/frames.js';
import type { Hub } from '../session/hub.js';

const BATCH = 1000;
/** Outcomes that an answer lists; all are counted. */
const LISTED = 10_000;

export function playerService(hub: Hub): ServiceImplementation<PlayerServiceDefinition> {
  const { network, commands } = hub;
  return {
    async getPlayer({ player }: GetPlayerRequest): Promise<GetPlayerResponse> {
      const found = hub.withLatency(findPlayer(network, player));
      return { player: found, cursor: network.tail.head };
    },
    async batchGetPlayers(request: BatchGetPlayersRequest): Promise<BatchGetPlayersResponse> {
      return batchGet(hub, request);
    },
    async listPlayers(request: ListPlayersRequest): Promise<ListPlayersResponse> {
      const { items, ...page } = await listPlayers(network, request);
      return { players: items.map((player) => hub.withLatency(player)), ...page };
    },
    async countPlayers(request: CountPlayersRequest): Promise<CountPlayersResponse> {
      return countPlayers(network, request);
    },
    async kickPlayers(request: KickPlayersRequest): Promise<KickPlayersResponse> {
      const { target, message, timeout } = request;
      const verb = (players: PlayerRef[]) =>
        ({ form: { $case: 'kickPlayers', value: { players, message } } }) as const;
      return summary(await doToPlayers(network, commands, target, verb, timeout));
    },
    async showMessage(request: ShowMessageRequest): Promise<ShowMessageResponse> {
      const { target, display, timeout } = request;
      checkDisplay(display);
      const verb = (players: PlayerRef[]) =>
        ({ form: { $case: 'showMessage', value: { players, display } } }) as const;
      return summary(await doToPlayers(network, commands, target, verb, timeout));
    },
  };
}

async function batchGet(
  hub: Hub,
  request: BatchGetPlayersRequest,
): Promise<BatchGetPlayersResponse> {
  const { players: lookups } = request;
  if (lookups.length < 1 || lookups.length > BATCH) {
    const message = `a batch looks up 1 to ${BATCH} players, not ${lookups.length}`;
    const metadata = { players: String(lookups.length), limit: String(BATCH) };
    throw new KelpieError('BATCH_INVALID', message, metadata);
  }
  const bytes = BatchGetPlayersRequest.encode(request).finish().length;
  const found = await findPlayers(hub.network, lookups, bytes);
  const players = found.players.map((player) => hub.withLatency(player));
  return { ...found, players, cursor: hub.network.tail.head };
}

function summary(fates: readonly PlayerFate[]) {
  const failures = fates.filter(({ error }) => error);
  const successes = fates.filter(({ error }) => !error);
  const outcomes = [...failures, ...successes].slice(0, LISTED).map(outcomeOf);
  return { succeeded: successes.length, failed: failures.length, outcomes };
}

function outcomeOf({ playerId, error }: PlayerFate): PlayerOutcome {
  return { playerId, error: error && wireError(error) };
}
