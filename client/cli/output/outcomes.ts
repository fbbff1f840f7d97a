/** The results of a command for players, one of each player. */
import { PlayerOutcome } from '../../../gen/ts/kelpie/v1/command.js';
import type { KickPlayersResponse } from '../../../gen/ts/kelpie/v1/player_service.js';
import { fromWire } from '../../errors.js';
import { counted, explain, print } from './output.js';
import { type Format, printRecord } from './records.js';

/** A line for each. `names`: of the players, by id, as far as they were found. */
export function showOutcomes(
  outcomes: readonly PlayerOutcome[],
  done: string,
  names: ReadonlyMap<string, string>,
  format: Format,
): void {
  for (const outcome of outcomes) {
    const { playerId, error } = outcome;
    const name = names.get(playerId);
    if (format !== 'table') {
      printRecord(format, 'PlayerOutcome', {
        name,
        ...(PlayerOutcome.toJSON(outcome) as object),
      });
      continue;
    }
    const who = name === undefined ? playerId : `${name} (${playerId})`;
    if (!error) print(`${who}  ${done}`);
    else print([[`${who}  `, { text: `not ${done}: ${explain(fromWire(error))}`, style: 'red' }]]);
  }
}

/** `Kicked 3 players; 1 failed.` */
export function showSum(done: string, { succeeded, failed }: KickPlayersResponse): void {
  print(`${done} ${counted(succeeded, 'player')}${failed > 0 ? `; ${failed} failed` : ''}.`);
}
