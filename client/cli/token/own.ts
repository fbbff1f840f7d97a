/** `kelpie token own`: who the coordinator takes this user for. */
import type { Command } from 'commander';
import { GetOwnCredentialResponse } from '../../../gen/ts/kelpie/v1/access_service.js';
import { command, type Common, askAny } from '../command.js';
import { print } from '../output/output.js';
import { printRecord } from '../output/records.js';
import { shownCredential } from './shown.js';

export function ownCommand(): Command {
  return command('own', 'show your own credential: who you are, and what you may do').action(
    (options: Common) =>
      askAny(options, async (api) => {
        const answer = await api.messages.access.own();
        if (options.output !== 'table') {
          const record = GetOwnCredentialResponse.toJSON(answer);
          printRecord(options.output, 'GetOwnCredentialResponse', record);
        } else if (answer.credential) print(shownCredential(answer.credential));
        else
          print(
            'The coordinator asks nobody for a credential: everybody who reaches it may do everything.',
          );
      }),
  );
}
