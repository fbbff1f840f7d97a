/** Events as handlers get them: a message, or an event of the coordinator. */
import {
  type Event,
  type EventDraft,
  MessageOrigin,
  type Payload,
} from '../../gen/ts/kelpie/v1/event.js';
import { text, texts } from '../core/arguments.js';
import { known } from '../core/known.js';
import { type OriginName, originOf } from '../core/spelling.js';
import { bodyOf, type EventBody } from './body.js';
import { contentOf, type MessageContent } from './content.js';
import { checkTopic } from './topic.js';

/** An event as a handler gets it. */
export interface ReceivedEvent {
  /** The position in the journal. It grows with every event of the network. */
  readonly sequence: number;
  readonly topic: string;
  /** The name of the node that published it; empty if the publisher had no session. */
  readonly source: string;
  /** When the coordinator took the event, by its own clock. For display only: `sequence` gives the order. */
  readonly time: Date | undefined;
  /**
   * The author of the content, as the publisher reports it. NODE: the publisher's own program. UNSPECIFIED: a
   * player's client may have written it, so do not trust it. Events that are no messages have UNSPECIFIED too.
   */
  readonly origin: OriginName;
  /** The kind of message; empty for events that are no messages. */
  readonly type: string;
  /** The content of the message; undefined for events that are no messages. */
  readonly content: MessageContent | undefined;
  readonly attributes: Readonly<Record<string, string>>;
  /**
   * The change of a node, a player, the rules, the settings or a shared value, by its `kind`: `nodeJoined`,
   * `playerLeft`, `routingChanged` …; undefined for messages, and for events that this version of the client does not
   * have.
   */
  readonly body: EventBody | undefined;
}

/** Facts that go with a message. */
export interface MessageOptions {
  /** The kind of message, for its readers. */
  readonly type?: string;
  /** Small facts beside the content. */
  readonly attributes?: Record<string, string>;
  /**
   * The author of the content. Default UNSPECIFIED: a player's client may have written it, and readers do not
   * trust it. Set NODE where this program wrote all of it.
   */
  readonly origin?: OriginName;
}

export function received(event: Event): ReceivedEvent {
  const { sequence, topic, source, time, body } = event;
  if (body?.$case === 'messagePublished') return messageOf(event, body.value);
  const none = { origin: 'UNSPECIFIED', type: '', content: undefined, attributes: {} } as const;
  return { sequence, topic, source, time, ...none, body: bodyOf(event) };
}

function messageOf({ sequence, topic, source, time }: Event, message: Payload): ReceivedEvent {
  const { origin, type, content, attributes } = message;
  return {
    sequence,
    topic,
    source,
    time,
    origin: origin === MessageOrigin.NODE ? 'NODE' : 'UNSPECIFIED',
    type,
    content: content?.form?.value,
    attributes,
    body: undefined,
  };
}

/** The event to publish: a copy. Throws TOPIC_INVALID, TOPIC_RESERVED, VALUE_INVALID or PAYLOAD_TOO_LARGE. */
export function draftOf(
  topic: string,
  content: MessageContent,
  options: MessageOptions,
): EventDraft {
  const {
    type = '',
    attributes = {},
    origin = 'UNSPECIFIED',
  } = known('the options object of publish', options, { type: 1, attributes: 1, origin: 1 });
  const payload = {
    type: text('type', type),
    content: contentOf(content),
    attributes: texts('attributes', attributes),
    origin: originOf(origin),
  };
  return { topic: checkTopic(topic), payload };
}
