/** `kelpie call`: a command that only its nodes understand. */
import type { CommandResult } from '../../gen/ts/kelpie/v1/command.js';
import type { Api } from './input/calls.js';
import { contentOf } from '../events/content.js';
import { fromWire } from '../errors.js';
import { requirePlayer } from './find.js';
import { issue, type Issue, type Selection, selectorOf, selects } from './input/issue.js';
import { messageOf } from './input/message.js';
import { explain, print, UsageError } from './output/output.js';
import { contentInWords } from './output/words.js';

export interface CallOptions extends Selection {
  readonly json: boolean;
  readonly node: readonly string[];
  readonly any: boolean;
  readonly every: boolean;
  /** Whose proxy is asked. */
  readonly playerProxy?: string;
  /** Whose server is asked. */
  readonly playerServer?: string;
  /** The content is a JSON object. */
  readonly object: boolean;
  /** In milliseconds. */
  readonly timeout: number;
  readonly maxReplies: number;
}

/** Returns whether every result is an answer. */
export async function call(
  api: Api,
  name: string,
  text: string,
  options: CallOptions,
): Promise<boolean> {
  const { json, object, timeout, maxReplies } = options;
  const content = contentOf(messageOf(text, object));
  const form: Issue['form'] = { $case: 'custom', value: { name, content } };
  const place = await placeOf(api, options);
  return issue(api, { place, form, timeoutMs: timeout, maxReplies }, json, (result) => {
    if (!json) print(`${result.node}  ${said(result)}`);
    return result.outcome?.$case === 'output';
  });
}

function said({ outcome }: CommandResult): string {
  if (outcome?.$case !== 'output') return `failed: ${explain(fromWire(outcome?.value))}`;
  const { form } = outcome.value;
  const content = form?.$case === 'custom' ? form.value.form?.value : undefined;
  return contentInWords(content);
}

async function placeOf(api: Api, options: CallOptions): Promise<Issue['place']> {
  checkWay(options);
  const { node, any, playerProxy, playerServer } = options;
  const [only, ...others] = node;
  if (others.length > 0) return { $case: 'nodes', value: { names: [...node] } };
  if (only !== undefined) return { $case: 'node', value: only };
  if (playerProxy !== undefined) {
    return { $case: 'playerProxy', value: (await requirePlayer(api, playerProxy)).id };
  }
  if (playerServer !== undefined) {
    return { $case: 'playerServer', value: (await requirePlayer(api, playerServer)).id };
  }
  return { $case: any ? 'any' : 'every', value: selectorOf(options) };
}

/** One way to say who is asked; those who match are all of them, if nothing else is said. */
function checkWay(options: CallOptions): void {
  const { node, any, every, playerProxy, playerServer } = options;
  const single = [node[0], playerProxy, playerServer].filter((text) => text !== undefined).length;
  const ways = single + Number(any) + Number(every);
  if (ways > 1 || (ways === 0 && !selects(options))) {
    throw new UsageError(
      'say who is asked, by one of --node, --any, --every, --player-proxy and --player-server',
    );
  }
  if (single > 0 && selects(options)) {
    throw new UsageError('--role, --state and --label go with --any or --every');
  }
}
