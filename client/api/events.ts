/** EventService: events without a session. */
import type { Cursor } from '../../gen/ts/kelpie/v1/cursor.js';
import type {
  PublishEventsResponse,
  WatchEventsResponse,
} from '../../gen/ts/kelpie/v1/event_service.js';
import type { Player } from '../../gen/ts/kelpie/v1/player.js';
import type { Snapshot as WireSnapshot } from '../../gen/ts/kelpie/v1/stream.js';
import { type Node, nodeOf } from '../core/node.js';
import { type Gap, gapOf } from '../events/gap.js';
import { received, type ReceivedEvent } from '../events/received.js';
import type { CallOptions } from './call.js';
import type { EventMessages, Message, ReadOptions, WatchOptions } from './messages/events.js';

/** A page of events. */
export interface EventPage {
  readonly events: readonly ReceivedEvent[];
  /** The next page starts after it: `{ start: { after: page.cursor } }`. */
  readonly cursor: Cursor | undefined;
  /** Set if events are lost before those of this page. */
  readonly gap: Gap | undefined;
}

/** Some events, in order. */
export interface EventBatch {
  readonly kind: 'events';
  readonly events: readonly ReceivedEvent[];
  /** The position after these events. To go on there: `{ start: { after: upTo } }`. */
  readonly upTo: Cursor | undefined;
}

/** Events are lost here. */
export interface LostEvents {
  readonly kind: 'gap';
  readonly gap: Gap;
}

/** A part of the nodes and players that are there, for `start: 'SNAPSHOT'` and after some gaps. */
export interface SnapshotPart {
  readonly kind: 'snapshot';
  readonly nodes: readonly Node[];
  readonly players: readonly Player[];
  /** Whether this is the last part. */
  readonly complete: boolean;
  /** The position of the whole snapshot. */
  readonly cursor: Cursor | undefined;
}

/** A part of the answer to `watch`, by its `kind`. */
export type Watched = EventBatch | LostEvents | SnapshotPart;

/** The calls for events. */
export class EventsApi {
  readonly #messages: EventMessages;

  /** @internal */
  constructor(messages: EventMessages) {
    this.#messages = messages;
  }

  /**
   * Publishes one message or several; all are stored, in order, or none is. A call that is repeated stores
   * its messages again.
   */
  async publish(
    messages: Message | readonly Message[],
    options: CallOptions = {},
  ): Promise<PublishEventsResponse> {
    return this.#messages.publish(messages, options);
  }

  /** Reads one page of events. The next page starts after its cursor: `{ start: { after: page.cursor } }`. */
  async read(topics: string | readonly string[], options: ReadOptions = {}): Promise<EventPage> {
    const { events, cursor, gap } = await this.#messages.read(topics, options);
    return { events: events.map(received), cursor, gap: gap && gapOf(gap) };
  }

  /**
   * Follows topics until the caller ends it. Keep the `upTo` of each batch to go on there, after the
   * connection was lost: `{ start: { after: upTo } }`.
   */
  async *watch(
    topics: string | readonly string[],
    options: WatchOptions = {},
  ): AsyncGenerator<Watched, void> {
    for await (const { frame } of this.#messages.watch(topics, options)) {
      if (frame) yield watchedOf(frame);
    }
  }
}

function watchedOf(frame: NonNullable<WatchEventsResponse['frame']>): Watched {
  switch (frame.$case) {
    case 'eventBatch': {
      const { events, upTo } = frame.value;
      return { kind: 'events', events: events.map(received), upTo };
    }
    case 'gap':
      return { kind: 'gap', gap: gapOf(frame.value) };
    case 'snapshot':
      return partOf(frame.value);
  }
}

function partOf({ rows, complete, cursor }: WireSnapshot): SnapshotPart {
  const nodes: Node[] = [];
  const players: Player[] = [];
  for (const { resource } of rows) {
    if (resource?.$case === 'node') nodes.push(nodeOf(resource.value));
    if (resource?.$case === 'player') players.push(resource.value);
  }
  return { kind: 'snapshot', nodes, players, complete, cursor };
}
