/** What became of each player to whom something was done. */
import { PlayerOutcome } from '../../../gen/ts/kelpie/v1/command.js';
import type { KickPlayersResponse } from '../../../gen/ts/kelpie/v1/player_service.js';
import { fromWire } from '../../errors.js';
import { counted, explain, print, printJson } from './output.js';

/** A line for each. `names`: of the players, by id, as far as they are known. */
export function showOutcomes(
  outcomes: readonly PlayerOutcome[],
  done: string,
  names: ReadonlyMap<string, string>,
  json: boolean,
): void {
  for (const outcome of outcomes) {
    const { playerId, error } = outcome;
    const name = names.get(playerId);
    if (json) printJson({ name, ...(PlayerOutcome.toJSON(outcome) as object) });
    else {
      const who = name === undefined ? playerId : `${name} (${playerId})`;
      print(`${who}  ${error ? `not ${done}: ${explain(fromWire(error))}` : done}`);
    }
  }
}

/** `Kicked 3 players; 1 failed.` */
export function showSum(done: string, { succeeded, failed }: KickPlayersResponse): void {
  print(`${done} ${counted(succeeded, 'player')}${failed > 0 ? `; ${failed} failed` : ''}.`);
}
