/** `kelpie coordinators`: the coordinators that serve the network together. */
import type { Command } from 'commander';
import { Coordinator } from '../../gen/ts/kelpie/v1/coordinator_service.js';
import type { Api } from '../api/index.js';
import { ask, command, type Common } from './command.js';
import { print, table } from './output/output.js';
import { printRecord } from './output/records.js';

export function coordinatorsCommand(): Command {
  return command('coordinators', 'list the coordinators that serve the network together').action(
    (options: Common) => ask(options, (api) => coordinators(api, options)),
  );
}

async function coordinators(api: Api, { output }: Common): Promise<void> {
  const answer = await api.messages.coordinator.listCoordinators();
  if (output !== 'table') {
    for (const one of answer.coordinators)
      printRecord(output, 'Coordinator', Coordinator.toJSON(one));
    return;
  }
  const rows = answer.coordinators.map((one) => row(one, answer.coordinatorId));
  print(table(['COORDINATOR', 'ENDPOINT', 'VERSION', 'SESSIONS', 'BEHIND', 'STATE'], rows));
}

function row(one: Coordinator, answering: string): string[] {
  const { id, endpoint, version, sessions, entriesBehind, draining } = one;
  const state = draining ? 'draining' : 'serving';
  return [
    id,
    endpoint || '-',
    version,
    String(sessions),
    String(entriesBehind),
    id === answering ? `${state}, this one` : state,
  ];
}
