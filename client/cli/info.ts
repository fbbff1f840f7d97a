/** `kelpie info`: what the coordinator is and how it does. */
import type { Command } from 'commander';
import {
  GetInfoResponse,
  type TopicRetention,
} from '../../gen/ts/kelpie/v1/coordinator_service.js';
import { Durability } from '../../gen/ts/kelpie/v1/coordinator.js';
import type { Api } from '../api/index.js';
import { command, type Common, askAny } from './command.js';
import { settingsOf } from './maintenance.js';
import { bytes, counted, duration, nameOf, print, table } from './output/output.js';
import { printRecord } from './output/records.js';

/** Where the journal is, by what an acknowledged publish survives. */
const JOURNALS: Record<number, string> = {
  [Durability.NONE]: 'memory',
  [Durability.PROCESS_CRASH]: 'file_interval',
  [Durability.POWER_LOSS]: 'file',
};

export function infoCommand(): Command {
  return command('info', 'show what the coordinator is and how it does').action((options: Common) =>
    askAny(options, (api) => info(api, options)),
  );
}

async function info(api: Api, { output }: Common): Promise<void> {
  const answer = await api.messages.coordinator.info();
  if (output !== 'table') {
    printRecord(output, 'GetInfoResponse', GetInfoResponse.toJSON(answer));
    return;
  }
  const maintenance = await maintenanceOf(api);
  print(table(['coordinator', answer.coordinatorId], [...rowsOf(answer), ...maintenance]));
  const rows = answer.topics.map((used) => [used.topic, String(used.entries), bytes(used.bytes)]);
  if (rows.length > 0) print(['', ...table(['TOPIC', 'ENTRIES', 'SIZE'], rows)]);
  const own = answer.retentionTopics.map((one) => [
    one.topic,
    String(one.entries),
    bytes(one.bytes),
    limitsOf(one),
  ]);
  if (own.length > 0) print(['', ...table(['KEPT LESS', 'ENTRIES', 'SIZE', 'AT THE MOST'], own)]);
}

function rowsOf(answer: GetInfoResponse): string[][] {
  const { version, uptime, network, durability, head } = answer;
  const onDisk = JOURNALS[durability] ?? nameOf(Durability, durability).toLowerCase();
  const journal = answer.engine === 'redis' ? answer.engine : onDisk;
  const readOnly = answer.readOnly ? ', read-only: its disk is full or failed' : '';
  return [
    ['version', version],
    ['up for', duration(uptime?.seconds ?? 0)],
    ['network', network],
    ['journal', `${journal}${readOnly}`],
    ['holds', `${answer.entries} entries, ${bytes(answer.bytes)}`],
    ['head', String(head?.sequence ?? 0)],
    ['nodes', String(answer.nodes)],
    ['players', String(answer.players)],
    ['sessions', String(answer.sessions)],
  ];
}

/** A row while the network is in maintenance. */
async function maintenanceOf(api: Api): Promise<string[][]> {
  const { maintenance, allowedPlayers } = await settingsOf(api);
  if (!maintenance) return [];
  const allowed = counted(allowedPlayers.length, 'allowed player');
  return [['maintenance', `on, with ${allowed}`]];
}

function limitsOf({ maxEntries, maxBytes, maxAge }: TopicRetention): string {
  const limits = [
    maxEntries > 0 ? `${maxEntries} entries` : '',
    maxBytes > 0 ? bytes(maxBytes) : '',
    maxAge ? duration(maxAge.seconds) : '',
  ];
  return limits.filter((limit) => limit !== '').join(', ');
}
