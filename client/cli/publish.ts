/** `kelpie publish`: say something on a topic. */
import { draftOf } from '../events/received.js';
import type { OriginName } from '../core/spelling.js';
import type { Api } from './input/calls.js';
import { messageOf } from './input/message.js';
import { print, printJson } from './output/output.js';

export interface PublishOptions {
  readonly json: boolean;
  readonly type: string;
  readonly attribute: Record<string, string>;
  readonly object: boolean;
  readonly origin: Lowercase<OriginName>;
}

export async function publish(
  api: Api,
  topic: string,
  message: string,
  { json, type, attribute, object, origin }: PublishOptions,
): Promise<void> {
  const draft = draftOf(topic, messageOf(message, object), {
    type,
    attributes: attribute,
    origin: origin === 'node' ? 'NODE' : 'UNSPECIFIED',
  });
  const { firstSequence } = await api.events.publishEvents({ events: [draft] });
  if (json) printJson({ topic, sequence: firstSequence });
  else print(`Published on ${topic} as ${firstSequence}.`);
}
