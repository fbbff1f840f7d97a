/** `kelpie coordinators`: the coordinators that serve the network together. */
import type { Command } from 'commander';
import { Coordinator } from '../../gen/ts/kelpie/v1/coordinator_service.js';
import type { Api } from '../api/index.js';
import { msOf } from '../core/duration.js';
import { command, type Common, askAny } from './command.js';
import { print, table } from './output/output.js';
import { printRecord } from './output/records.js';

export function coordinatorsCommand(): Command {
  return command('coordinators', 'list the coordinators that serve the network together').action(
    (options: Common) => askAny(options, (api) => coordinators(api, options)),
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

/** A coordinator reports every 2.5 s. */
const SILENT_MS = 5000;

/** A coordinator that is silent may serve its nodes, or may be dead: the list cannot tell. */
export function stateOf({ endpoint, draining, silence }: Coordinator): string {
  const silentMs = msOf(silence, 0);
  if (silentMs > SILENT_MS) return `silent for ${Math.round(silentMs / 1000)} s`;
  if (draining) return 'draining';
  return endpoint === '' ? 'starting' : 'serving';
}

function row(one: Coordinator, answering: string): string[] {
  const { id, endpoint, version, sessions, entriesBehind } = one;
  const state = stateOf(one);
  return [
    id,
    endpoint || '-',
    version,
    String(sessions),
    String(entriesBehind),
    id === answering ? `${state}, this one` : state,
  ];
}
