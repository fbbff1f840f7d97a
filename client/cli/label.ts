/** `kelpie label`: set and remove labels of a node. */
import type { Command } from 'commander';
import { Node } from '../../gen/ts/kelpie/v1/node.js';
import type { Api } from '../api/index.js';
import { ask, command, type Common } from './command.js';
import { print, table, UsageError } from './output/output.js';
import { printRecord } from './output/records.js';

export function labelCommand(): Command {
  return command('label <node> [changes...]', 'set labels of a node with a=b, remove them with a-')
    .addHelpText(
      'after',
      '\nWithout a change it shows the labels. They last as long as the node: one that leaves and' +
        '\njoins again has the labels of its own program.',
    )
    .action((node: string, changes: string[], options: Common) =>
      ask(options, (api) => label(api, node, changes, options)),
    );
}

async function label(
  api: Api,
  name: string,
  changes: readonly string[],
  { output }: Common,
): Promise<void> {
  const change = changeOf(changes);
  const node =
    changes.length === 0
      ? await api.messages.nodes.get(name)
      : await api.messages.nodes.update(name, change);
  if (output !== 'table') printRecord(output, 'Node', Node.toJSON(node));
  else show(node);
}

function show({ name, labels }: Node): void {
  const rows = Object.entries(labels).sort(([left], [right]) => (left < right ? -1 : 1));
  if (rows.length === 0) print(`${name} has no labels.`);
  else print(table(['LABEL', 'VALUE'], rows));
}

/** `map=new` sets a label, `mode-` removes one. Throws a UsageError. */
function changeOf(changes: readonly string[]) {
  const labels = new Map<string, string>();
  const removedLabels: string[] = [];
  for (const change of changes) {
    const [, name, value] = /^([^=]+)=(.*)$/s.exec(change) ?? [];
    const [, removed] = /^([^=]+)-$/s.exec(change) ?? [];
    if (name !== undefined && value !== undefined) labels.set(name, value);
    else if (removed !== undefined) removedLabels.push(removed);
    else throw new UsageError(`"${change}" changes no label: write a=b to set, a- to remove`);
  }
  const both = removedLabels.find((name) => labels.has(name));
  if (both !== undefined) throw new UsageError(`label "${both}" is either set or removed`);
  return { labels: Object.fromEntries(labels), removedLabels };
}
