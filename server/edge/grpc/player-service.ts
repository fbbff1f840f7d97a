/** PlayerService: who is online, and what is done to players. */
import type { ServiceImplementation } from 'nice-grpc';
import { PlayerOutcome } from '../../../gen/ts/kelpie/v1/command.js';
import { BatchGetPlayersRequest } from '../../../gen/ts/kelpie/v1/player_service.js';
import type {
  KickPlayersRequest,
  KickPlayersResponse,
  PlayerServiceDefinition,
  ShowMessageResponse,
} from '../../../gen/ts/kelpie/v1/player_service.js';
import { KelpieError } from '../../core/errors.js';
import { checkDisplay } from '../../commands/forms.js';
import type { FoundPlayers, PlayerQueries } from '../../players/queries.js';
import { AnswerRoom } from '../../network/pages.js';
import type { PlayerCommands, PlayerFate, Verb } from '../../commands/on-players.js';
import { wireError } from '../../delivery/frames.js';
import type { Network } from '../../network/network.js';
import type { Transfers } from '../../transfers/transfers.js';
import { transferCall } from './transfer-call.js';
import type { Latencies } from '../../session/latencies.js';

const BATCH = 1000;
type Aim = Pick<KickPlayersRequest, 'target' | 'timeout'>;
type Summary = KickPlayersResponse & ShowMessageResponse;

/** Outcomes that an answer lists; all are counted. */
const LISTED = 10_000;

export function playerService(
  network: Pick<Network, 'head' | 'searches'>,
  queries: PlayerQueries,
  commands: PlayerCommands,
  latencies: Pick<Latencies, 'withLatency'>,
  transfers: Transfers,
): ServiceImplementation<PlayerServiceDefinition> {
  const transferring = { network, playerCommands: commands, transfers };
  const act = async ({ target, timeout }: Aim, peer: string, verb: Verb): Promise<Summary> => {
    const fates = await commands.send(target, verb, timeout, peer);
    return network.searches.work(summary(fates), peer);
  };
  return {
    async getPlayer({ player }) {
      const found = latencies.withLatency(queries.find(player));
      return { player: found, cursor: network.head };
    },
    async batchGetPlayers(request, { peer }) {
      const found = await batchGet(queries, request, peer);
      const players = found.players.map((player) => latencies.withLatency(player));
      return { ...found, players, cursor: network.head };
    },
    async listPlayers(request, { peer }) {
      const { items, ...page } = await queries.list(request, peer);
      return { players: items.map((player) => latencies.withLatency(player)), ...page };
    },
    countPlayers: (request, { peer }) => queries.count(request, peer),
    kickPlayers: ({ message, ...request }, { peer }) =>
      act(request, peer, (players) => ({
        form: { $case: 'kickPlayers', value: { players, message } },
      })),
    transferPlayers: (request, context) => transferCall(transferring, request, context),
    async showMessage({ display, ...request }, { peer }) {
      checkDisplay(display);
      return act(request, peer, (players) => ({
        form: { $case: 'showMessage', value: { players, display } },
      }));
    },
  };
}

async function batchGet(
  queries: PlayerQueries,
  request: BatchGetPlayersRequest,
  peer: string,
): Promise<FoundPlayers> {
  const { players: lookups } = request;
  if (lookups.length < 1 || lookups.length > BATCH) {
    const message = `a batch looks up 1 to ${BATCH} players, not ${lookups.length}`;
    const metadata = { players: String(lookups.length), limit: String(BATCH) };
    throw new KelpieError('BATCH_INVALID', message, metadata);
  }
  const bytes = BatchGetPlayersRequest.encode(request).finish().length;
  return queries.findAll(request, bytes, peer);
}

/** Counts all, and lists as many as fit: failures first. */
function* summary(fates: readonly PlayerFate[][]): Generator<undefined, Summary> {
  const { failures, successes, ...counts } = yield* sorted(fates);
  const outcomes: PlayerOutcome[] = [];
  const room = new AnswerRoom();
  for (const fate of [...failures, ...successes].slice(0, LISTED)) {
    const outcome = outcomeOf(fate);
    if (!room.take(PlayerOutcome.encode(outcome).finish().length)) break;
    outcomes.push(outcome);
    yield;
  }
  return { ...counts, outcomes };
}

/** Those that may be listed, and how many there are in all. */
function* sorted(fates: readonly PlayerFate[][]) {
  const failures: PlayerFate[] = [];
  const successes: PlayerFate[] = [];
  let [succeeded, failed] = [0, 0];
  for (const part of fates) {
    for (const fate of part) {
      if (fate.error) failed += 1;
      else succeeded += 1;
      const same = fate.error ? failures : successes;
      if (same.length < LISTED) same.push(fate);
    }
    yield;
  }
  return { failures, successes, succeeded, failed };
}

function outcomeOf({ playerId, error }: PlayerFate): PlayerOutcome {
  return { playerId, error: error && wireError(error) };
}
