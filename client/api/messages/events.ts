/** EventService: events without a session, as messages of the contract. */
import {
  EventServiceDefinition,
  type PublishEventsResponse,
  type ReadEventsResponse,
  type WatchEventsResponse,
} from '../../../gen/ts/kelpie/v1/event_service.js';
import { amount } from '../../core/arguments.js';
import { durationOf } from '../../core/duration.js';
import { type StartOption, startOf } from '../../core/start.js';
import type { MessageContent } from '../../events/content.js';
import { draftOf, type MessageOptions } from '../../events/received.js';
import {
  type CallOptions,
  callOptions,
  type CreateService,
  LONGEST_MS,
  type Service,
} from '../call.js';
import { pageSizeOf } from '../paging.js';

/** A message to publish. */
export interface Message extends MessageOptions {
  readonly topic: string;
  readonly content: MessageContent;
}

/** How a page of events is read. */
export interface ReadOptions extends CallOptions {
  /** Where reading begins. Default EARLIEST. */
  readonly start?: Exclude<StartOption, 'SNAPSHOT'>;
  /** How many events at most. Default and most: 256. */
  readonly pageSize?: number;
  /** If there is no event yet, how long to wait for the first, in milliseconds. Default: not at all. */
  readonly waitMs?: number;
}

/** How topics are followed. */
export interface WatchOptions extends CallOptions {
  /** Where reading begins. Default LATEST. */
  readonly start?: StartOption;
}

/** The time for the way to the coordinator and back, beside the wait. */
const WAY_MS = 5000;

/** The calls of `api.events`, with answers as the contract has them. */
export class EventMessages {
  readonly #service: Service<typeof EventServiceDefinition>;

  /** @internal */
  constructor(create: CreateService) {
    this.#service = create(EventServiceDefinition);
  }

  async publish(
    messages: Message | readonly Message[],
    options: CallOptions = {},
  ): Promise<PublishEventsResponse> {
    const all = 'topic' in messages ? [messages] : messages;
    const events = all.map(({ topic, content, ...more }) => draftOf(topic, content, more));
    return this.#service.publishEvents({ events }, callOptions(options));
  }

  async read(
    topics: string | readonly string[],
    options: ReadOptions = {},
  ): Promise<ReadEventsResponse> {
    const { start = 'EARLIEST', pageSize = 0, waitMs, ...more } = options;
    const wait =
      waitMs === undefined
        ? undefined
        : durationOf(amount('waitMs', waitMs, 0, LONGEST_MS - WAY_MS));
    const asked = { topics: listOf(topics), start: startOf(start), wait };
    const request = { ...asked, pageSize: pageSizeOf(pageSize) };
    const timeoutMs = more.timeoutMs ?? (waitMs === undefined ? undefined : waitMs + WAY_MS);
    const call = timeoutMs === undefined ? more : { ...more, timeoutMs };
    return this.#service.readEvents(request, callOptions(call));
  }

  watch(
    topics: string | readonly string[],
    options: WatchOptions = {},
  ): AsyncIterable<WatchEventsResponse> {
    const { start = 'LATEST', ...more } = options;
    const request = { topics: listOf(topics), start: startOf(start) };
    return this.#service.watchEvents(request, callOptions(more));
  }
}

function listOf(topics: string | readonly string[]): string[] {
  return typeof topics === 'string' ? [topics] : [...topics];
}
