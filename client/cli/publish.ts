/** `kelpie publish`: publish a message on a topic. */
import { type Command, Option } from 'commander';
import type { Api } from '../api/index.js';
import type { OriginName } from '../core/spelling.js';
import { ask, command, type Common } from './command.js';
import { pair } from './input/arguments.js';
import { contentOf } from './input/message.js';
import { print, UsageError } from './output/output.js';
import { printRecord } from './output/records.js';

interface PublishOptions extends Common {
  readonly type: string;
  readonly attribute: Record<string, string>;
  readonly object: boolean;
  readonly origin: Lowercase<OriginName>;
}

export function publishCommand(): Command {
  return command('publish <topic> <message...>', 'publish a message')
    .option('--type <type>', 'kind of message, for its readers', '')
    .option('--attribute <name=value>', 'a fact beside the message; may be repeated', pair, {})
    .option('--object', 'the message is a JSON object', false)
    .addOption(
      new Option('--origin <origin>', 'node: no player wrote any of it, and readers may trust it')
        .choices(['node', 'unspecified'])
        .default('unspecified'),
    )
    .action((topic: string, words: string[], options: PublishOptions) =>
      ask(options, (api) => publish(api, topic, words, options)),
    );
}

async function publish(
  api: Api,
  topic: string,
  words: readonly string[],
  { output, type, attribute, object, origin }: PublishOptions,
): Promise<void> {
  const [text = '', ...more] = words;
  if (more.length > 0) {
    const message = `the message "${words.join(' ')}" is more than one word: put it in quotes`;
    throw new UsageError(`${message}, kelpie publish ${topic} '${words.join(' ')}'`);
  }
  const { firstSequence } = await api.events.publish({
    topic,
    content: contentOf(text, object),
    type,
    attributes: attribute,
    origin: origin === 'node' ? 'NODE' : 'UNSPECIFIED',
  });
  if (output === 'table') print(`Published on ${topic} as ${firstSequence}.`);
  else printRecord(output, 'Published', { topic, sequence: String(firstSequence) });
}
