/** Messages of publishers, as drafts and as events. */
import {
  MessageOrigin,
  type Event,
  type EventDraft,
  type Payload,
} from '../../../gen/ts/kelpie/v1/event.js';

function messageOf(text: string): Payload {
  return {
    type: 'note',
    content: { form: { $case: 'text', value: text } },
    attributes: {},
    origin: MessageOrigin.NODE,
  };
}

/** A message to publish. */
export function messageDraft(text: string, topic = 'chat.global'): EventDraft {
  return { topic, payload: messageOf(text) };
}

/** The event of a published message. Without a sequence it is the event that a journal stores. */
export function messageEvent(text: string, topic = 'chat.global', sequence = 0): Event {
  return {
    sequence,
    topic,
    source: 'lobby-1',
    time: new Date(1_700_000_000_000),
    body: { $case: 'messagePublished', value: messageOf(text) },
  };
}

/** The text of a message; undefined for a message without a text. */
export function textOfMessage(message: Payload | undefined): string | undefined {
  const content = message?.content?.form;
  return content?.$case === 'text' ? content.value : undefined;
}
