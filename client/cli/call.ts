/** `kelpie call`: a command of the nodes' own. */
import type { Command } from 'commander';
import type { CommandResult } from '../../gen/ts/kelpie/v1/command.js';
import type { Api, Target } from '../api/index.js';
import { fromWire } from '../errors.js';
import { act, command, type Common, selecting } from './command.js';
import { count, name, names } from './input/arguments.js';
import { issue, type Selection, selectorOf, selects } from './input/issue.js';
import { contentOf } from './input/message.js';
import { requirePlayer } from './input/player.js';
import { explain, print, UsageError } from './output/output.js';
import { contentInWords } from './output/words.js';

interface CallOptions extends Common, Selection {
  readonly node: readonly string[];
  readonly any: boolean;
  readonly every: boolean;
  /** Whose proxy is asked. */
  readonly playerProxy?: string;
  /** Whose server is asked. */
  readonly playerServer?: string;
  /** The content is a JSON object. */
  readonly object: boolean;
  readonly maxReplies: number;
}

export function callCommand(): Command {
  return selecting(command('call <command> [content]', 'ask nodes to do a command of their own'))
    .option('--node <node>', 'this node; may be repeated', names, [])
    .option('--any', 'one of the nodes that match, another one each time', false)
    .option('--every', 'all nodes that match', false)
    .option('--player-proxy <who>', 'the proxy of this player', name)
    .option('--player-server <who>', 'the server of this player', name)
    .option('--object', 'the content is a JSON object', false)
    .option('--max-replies <count>', 'end after so many replies', count, 0)
    .action((called: string, content: string | undefined, options: CallOptions) =>
      act(options, (api) => call(api, called, content ?? '', options)),
    );
}

/** Resolves with whether every result is an answer. */
async function call(api: Api, name: string, text: string, options: CallOptions): Promise<boolean> {
  checkWay(options, name, text);
  const { output, object } = options;
  const content = contentOf(text, object);
  const target = await targetOf(api, options);
  return issue(api, target, { custom: { name, content } }, options, (result) => {
    const good = result.outcome?.$case === 'output';
    if (output !== 'table') return good;
    const text = inWords(result);
    print([[`${result.node}  `, good ? text : { text, style: 'red' }]]);
    return good;
  });
}

function inWords({ outcome }: CommandResult): string {
  if (outcome?.$case !== 'output') return `failed: ${explain(fromWire(outcome?.value))}`;
  const { form } = outcome.value;
  const content = form?.$case === 'custom' ? form.value.form?.value : undefined;
  return contentInWords(content);
}

async function targetOf(api: Api, options: CallOptions): Promise<Target> {
  const { node, any, playerProxy, playerServer } = options;
  const [only, ...others] = node;
  if (others.length > 0) return { nodes: node };
  if (only !== undefined) return { node: only };
  if (playerProxy !== undefined) return { playerProxy: (await requirePlayer(api, playerProxy)).id };
  if (playerServer !== undefined) {
    return { playerServer: (await requirePlayer(api, playerServer)).id };
  }
  const selector = selectorOf(options);
  return any ? { any: selector } : { every: selector };
}

/** Content that could be a command: then the word before it could be a node. */
const COMMAND = /^[a-z][\w-]*$/;

/** The options name the nodes in one way. Labels, roles and states alone mean all nodes that match. */
function checkWay(options: CallOptions, called: string, content: string): void {
  const { node, any, every, playerProxy, playerServer } = options;
  const single = [node[0], playerProxy, playerServer].filter((text) => text !== undefined).length;
  const ways = single + Number(any) + Number(every);
  if (ways > 1 || (ways === 0 && !selects(options))) {
    const isNode = ways === 0 && COMMAND.test(content);
    const meant = isNode
      ? `; if "${called}" is a node: kelpie call ${content} --node ${called}`
      : '';
    throw new UsageError(
      `say who is asked, by one of --node, --any, --every, --player-proxy and --player-server${meant}`,
    );
  }
  if (single > 0 && selects(options)) {
    throw new UsageError('--role, --state and --label go with --any or --every');
  }
}
