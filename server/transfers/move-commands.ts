/** The commands of a transfer, by the names that nodes announce. */
import type { Command } from '../../gen/ts/kelpie/v1/command.js';
import type { ErrorDetail } from '../../gen/ts/kelpie/v1/error.js';
import type { Running } from './running.js';
import type { Asked } from './transfer.js';

/** The names of the commands. */
export const COMMAND_NAMES = {
  prepareArrival: 'prepare_arrival',
  prepareDeparture: 'prepare_departure',
  transferPlayer: 'transfer_player',
  confirmArrival: 'confirm_arrival',
  transferEnded: 'transfer_ended',
} as const;

/** The command of a step. */
export function commandOf({ id, state, playerName, request }: Running, step: Asked): Command {
  const { player, source, goal } = state;
  const { proxy: toProxy = '', server = '', address } = goal ?? {};
  const shared = { player, transferId: id };
  switch (step) {
    case 'prepareArrival': {
      const rest = { playerName, fromServer: source, context: request.context, toProxy };
      return { form: { $case: step, value: { ...shared, ...rest } } };
    }
    case 'prepareDeparture':
      return { form: { $case: step, value: { ...shared, toServer: server, toProxy } } };
    case 'transferPlayer': {
      const rest = { server: toProxy === '' ? server : '', address, toProxy };
      return { form: { $case: step, value: { ...shared, ...rest } } };
    }
    case 'confirmArrival':
      return { form: { $case: step, value: shared } };
  }
}

/** transfer_ended. */
export function endedCommand({ id, state }: Running, error: ErrorDetail | undefined): Command {
  return {
    form: { $case: 'transferEnded', value: { player: state.player, transferId: id, error } },
  };
}
