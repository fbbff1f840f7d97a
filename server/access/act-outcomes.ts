/** The outcomes of acts, in the answers of the coordinator. */
import type { JoinResponse } from '../../gen/ts/kelpie/v1/access_service.js';
import type { IssueCommandResponse } from '../../gen/ts/kelpie/v1/command_service.js';
import { ErrorReason } from '../../gen/ts/kelpie/v1/error.js';
import type {
  KickPlayersResponse,
  ShowMessageResponse,
  TransferPlayersResponse,
} from '../../gen/ts/kelpie/v1/player_service.js';
import { TransferStage } from '../../gen/ts/kelpie/v1/transfer.js';
import type { ActOutcome } from './act.js';

/** KickPlayers and ShowMessage answer alike. Failures come first, and an answer may list fewer than it counts. */
export function* playerOutcomes({
  succeeded,
  failed,
  outcomes,
}: KickPlayersResponse | ShowMessageResponse): Generator<ActOutcome> {
  let [done, undone] = [succeeded, failed];
  for (const { playerId, error } of outcomes) {
    if (error) undone -= 1;
    else done -= 1;
    yield { target: playerId, reason: error?.reason };
  }
  yield { count: done };
  // Of failures that are not listed, the answer has no reasons.
  yield { reason: ErrorReason.COMMAND_FAILED, count: undone };
}

export function* transferOutcomes({ update }: TransferPlayersResponse): Generator<ActOutcome> {
  const { stage, player, error } = update ?? {};
  if (stage !== TransferStage.ARRIVED && stage !== TransferStage.FAILED) return;
  yield { target: player?.playerId, reason: error?.reason };
}

/** One outcome per node. */
export function* nodeOutcomes({ result }: IssueCommandResponse): Generator<ActOutcome> {
  const { node, outcome } = result ?? {};
  yield { target: node, reason: outcome?.$case === 'error' ? outcome.value.reason : undefined };
}

/** One outcome per player, of a command for so many. */
export function playersOutcomes(players: number) {
  return function* outcomesOf({ result }: IssueCommandResponse): Generator<ActOutcome> {
    const outcome = result?.outcome;
    if (outcome?.$case === 'error') yield { reason: outcome.value.reason, count: players };
    if (outcome?.$case !== 'output' || outcome.value.form?.$case !== 'players') return;
    for (const { playerId, error } of outcome.value.form.value.outcomes)
      yield { target: playerId, reason: error?.reason };
  };
}

/** The credential that an answer has. */
export function* credentialOutcomes({
  credential,
}: Pick<JoinResponse, 'credential'>): Generator<ActOutcome> {
  yield { target: credential?.id };
}

/** The credential that an answer has, and its name: the request had the id alone. */
export function* namedCredentialOutcomes({
  credential,
}: Pick<JoinResponse, 'credential'>): Generator<ActOutcome> {
  yield { target: credential?.id, detail: credential?.name };
}
