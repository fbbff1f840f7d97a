/** `kelpie publish`: say something on a topic. */
import { draftOf, type MessageContent } from '../received.js';
import type { Api } from '../api.js';
import { print, printJson, UsageError } from './output.js';

export interface PublishOptions {
  readonly json: boolean;
  readonly type: string;
  readonly attribute: Record<string, string>;
  readonly object: boolean;
}

export async function publish(
  api: Api,
  topic: string,
  message: string,
  { json, type, attribute, object }: PublishOptions,
): Promise<void> {
  const content: MessageContent = object ? parse(message) : message;
  const draft = draftOf(topic, content, { type, attributes: attribute });
  const { firstSequence } = await api.events.publishEvents({ events: [draft] });
  if (json) printJson({ topic, sequence: firstSequence });
  else print(`Published on ${topic} as ${firstSequence}.`);
}

function parse(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      return value as Record<string, unknown>;
    }
  } catch {
    // The same advice as for JSON that is no object.
  }
  throw new UsageError(`with --object the message must be a JSON object, such as '{"coins": 5}'`);
}
