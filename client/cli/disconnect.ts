/** `kelpie disconnect`: end a node's session and presence. */
import type { Command } from 'commander';
import type { Api } from '../api/index.js';
import { ask, command, type Common } from './command.js';
import { print } from './output/output.js';
import { printRecord } from './output/records.js';

export function disconnectCommand(): Command {
  return command('disconnect <node>', 'end the session of a node, which leaves the network')
    .addHelpText(
      'after',
      '\nThe players of a proxy leave with it. A node whose program still runs may connect again;' +
        '\nto keep it away, stop the program.',
    )
    .action((node: string, options: Common) =>
      ask(options, (api) => disconnect(api, node, options)),
    );
}

async function disconnect(api: Api, name: string, { output }: Common): Promise<void> {
  await api.nodes.disconnect(name);
  if (output === 'table') print(`Disconnected ${name.toLowerCase()}.`);
  else printRecord(output, 'Disconnected', { name: name.toLowerCase() });
}
