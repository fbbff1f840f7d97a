/** `kelpie info`: what the coordinator is and how it does. */
import {
  GetInfoResponse,
  type TopicRetention,
} from '../../gen/ts/kelpie/v1/coordinator_service.js';
import { Durability } from '../../gen/ts/kelpie/v1/coordinator.js';
import type { Api } from './input/calls.js';
import { bytes, duration, nameOf, print, printJson, table } from './output/output.js';

/** Where the journal is, by what an acknowledged publish survives. */
const KEPT: Record<number, string> = {
  [Durability.NONE]: 'memory',
  [Durability.PROCESS_CRASH]: 'file_interval',
  [Durability.POWER_LOSS]: 'file',
};

export async function info(api: Api, { json }: { json: boolean }): Promise<void> {
  const answer = await api.coordinator.getInfo({});
  if (json) {
    printJson(GetInfoResponse.toJSON(answer));
    return;
  }
  const { coordinatorId, version, uptime, network, durability, head, topics } = answer;
  const readOnly = answer.readOnly ? ', read-only: its disk is full or failed' : '';
  print(
    table(
      ['coordinator', coordinatorId],
      [
        ['version', version],
        ['up for', duration(uptime?.seconds ?? 0)],
        ['network', network],
        [
          'journal',
          `${KEPT[durability] ?? nameOf(Durability, durability).toLowerCase()}${readOnly}`,
        ],
        ['holds', `${answer.entries} entries, ${bytes(answer.bytes)}`],
        ['head', String(head?.sequence ?? 0)],
        ['nodes', String(answer.nodes)],
        ['players', String(answer.players)],
        ['sessions', String(answer.sessions)],
      ],
    ),
  );
  const rows = topics.map((used) => [used.topic, String(used.entries), bytes(used.bytes)]);
  if (rows.length > 0) print(['', ...table(['TOPIC', 'ENTRIES', 'SIZE'], rows)]);
  const own = answer.retentionTopics.map((one) => [
    one.topic,
    String(one.entries),
    bytes(one.bytes),
    limitsOf(one),
  ]);
  if (own.length > 0) print(['', ...table(['KEPT LESS', 'ENTRIES', 'SIZE', 'AT THE MOST'], own)]);
}

function limitsOf({ maxEntries, maxBytes, maxAge }: TopicRetention): string {
  const limits = [
    maxEntries > 0 ? `${maxEntries} entries` : '',
    maxBytes > 0 ? bytes(maxBytes) : '',
    maxAge ? duration(maxAge.seconds) : '',
  ];
  return limits.filter((limit) => limit !== '').join(', ');
}
