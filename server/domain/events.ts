/** Publishing: what may be published, and how it is stored once. */
import type { EventDraft } from '../../gen/ts/kelpie/v1/event.js';
import { Event, MessagePublished } from '../../gen/ts/kelpie/v1/event.js';
import { KelpieError } from '../core/errors.js';
import { checkTopic } from '../core/topic.js';
import type { Draft } from '../journal/journal.js';
import type { Limits } from './settings.js';

/** Throws BATCH_INVALID unless the events may come in one publish. */
export function checkBatch(drafts: readonly EventDraft[], limits: Limits): void {
  if (drafts.length < 1 || drafts.length > limits.publishEvents) {
    throw new KelpieError(
      'BATCH_INVALID',
      `a publish has 1 to ${limits.publishEvents} events, not ${drafts.length}`,
      { events: String(drafts.length), limit: String(limits.publishEvents) },
    );
  }
  const bytes = drafts.reduce((sum, draft) => sum + sizeOf(draft), 0);
  if (bytes > limits.publishBytes) {
    throw new KelpieError(
      'BATCH_INVALID',
      `the events of a publish have at most ${limits.publishBytes} bytes together, not ${bytes}; send them in several`,
      { bytes: String(bytes), limit: String(limits.publishBytes) },
    );
  }
}

/**
 * The entry for an event. Throws TOPIC_INVALID, TOPIC_RESERVED, EVENT_EMPTY or PAYLOAD_TOO_LARGE.
 * `source` is the node's name, or empty.
 */
export function draftEntry(draft: EventDraft, source: string, time: Date, limits: Limits): Draft {
  const { topic, message, untrusted } = draft;
  checkTopic(topic);
  if (!message?.content?.content) {
    throw new KelpieError(
      'EVENT_EMPTY',
      `the event on "${topic}" has no content: set message.content to data, text or json`,
    );
  }
  const bytes = sizeOf(draft);
  if (bytes > limits.payloadBytes) {
    throw new KelpieError(
      'PAYLOAD_TOO_LARGE',
      `the event on "${topic}" has ${bytes} bytes; the limit is ${limits.payloadBytes}`,
      { bytes: String(bytes), limit: String(limits.payloadBytes) },
    );
  }
  const body = { $case: 'messagePublished', value: message } as const;
  const event = Event.encode({ sequence: 0, topic, source, time, untrusted, body }).finish();
  return { topic, event, source };
}

function sizeOf(draft: EventDraft): number {
  return draft.message ? MessagePublished.encode(draft.message).finish().length : 0;
}
