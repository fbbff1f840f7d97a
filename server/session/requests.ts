/** What a node may ask for on an open session: one method for each frame. */
import { StartAt } from '../../gen/ts/kelpie/v1/cursor.js';
import { NodeChange } from '../../gen/ts/kelpie/v1/node.js';
import type {
  Heartbeat,
  NodeFrame,
  PublishEvents,
  UpdateNode,
  UpdateSubscription,
} from '../../gen/ts/kelpie/v1/session_service.js';
import { KelpieError } from '../core/errors.js';
import { checkPatternCount, filterOf, startMissing, startName } from '../domain/reading.js';
import type { Feed } from './feed.js';
import { publicError, wireError } from './frames.js';
import type { Hub } from './hub.js';
import type { Outbound } from './outbound.js';
import type { Publisher } from './publisher.js';

/** What requests work on. */
export interface RequestsOptions {
  readonly hub: Hub;
  readonly outbound: Outbound;
  readonly feed: Feed;
  readonly publisher: Publisher;
  readonly name: string;
  readonly generation: number;
}

export class Requests {
  readonly #hub: Hub;
  readonly #outbound: Outbound;
  readonly #feed: Feed;
  readonly #publisher: Publisher;
  readonly #name: string;
  readonly #generation: number;

  constructor({ hub, outbound, feed, publisher, name, generation }: RequestsOptions) {
    this.#name = name;
    this.#generation = generation;
    this.#hub = hub;
    this.#outbound = outbound;
    this.#feed = feed;
    this.#publisher = publisher;
  }

  /** Does what a frame asks, or answers why not. Frames that open or end a session are not its. */
  handle({ requestId, frame }: NodeFrame): void {
    try {
      this.#handle(requestId, frame);
    } catch (error) {
      this.#fail(requestId, error);
    }
  }

  #handle(requestId: number, frame: NodeFrame['frame']): void {
    switch (frame?.$case) {
      case 'publishEvents':
        return this.#publish(requestId, frame.value);
      case 'ack':
        this.#feed.acknowledge(frame.value.sequence);
        return this.done(requestId);
      case 'heartbeat':
        return this.#heartbeat(requestId, frame.value);
      case 'updateSubscription':
        return this.#subscribe(requestId, frame.value);
      case 'updateNode':
        return this.#update(requestId, frame.value);
      case 'hello':
      case 'goodbye':
      case undefined:
        throw new KelpieError(
          'FRAME_UNKNOWN',
          'the frame is empty, or of a kind that this coordinator does not know',
        );
    }
  }

  #publish(requestId: number, request: PublishEvents): void {
    this.#publisher.publish(request).then(
      () => this.done(requestId),
      (error: unknown) => {
        const hole = error instanceof KelpieError && error.reason === 'PUBLISH_SEQUENCE_HOLE';
        // Unsettled is not rejected: the stream ends, and the events are sent again on the next one.
        // Where nothing can be written there would be no next one, and this one can still read.
        if (hole || this.#hub.network.readOnly) this.#fail(requestId, error);
        else this.#outbound.end(this.#public(error));
      },
    );
  }

  #heartbeat(requestId: number, { load }: Heartbeat): void {
    if (load) this.#hub.loads.tell(this.#name, load);
    const cursor = this.#feed.renewed();
    this.#outbound.send({ $case: 'heartbeatAck', value: { cursor } }, requestId);
  }

  #subscribe(requestId: number, { addedTopics, removedTopics, startAt }: UpdateSubscription): void {
    const { patterns } = this.#hub.network.options.limits;
    const added = filterOf(addedTopics, patterns);
    if (addedTopics.length > 0) checkLiveStart(startAt);
    const filter = this.#feed.filter.with(addedTopics, removedTopics);
    checkPatternCount(filter, patterns);
    const cursor = this.#feed.update(filter, startAt === StartAt.SNAPSHOT ? added : undefined);
    this.#hub.bell.hang(this.#feed);
    this.#outbound.send({ $case: 'subscriptionUpdated', value: { cursor } }, requestId);
  }

  #update(requestId: number, { change }: UpdateNode): void {
    const { nodes } = this.#hub;
    nodes.update(this.#name, change ?? NodeChange.create(), this.#generation).then(
      () => this.done(requestId),
      (error: unknown) => this.#fail(requestId, error),
    );
  }

  /** Says yes to a request that wants an answer and has no other one. */
  done(requestId: number): void {
    if (requestId > 0) this.#outbound.send({ $case: 'requestOk', value: {} }, requestId);
  }

  #fail(requestId: number, cause: unknown): void {
    const error = this.#public(cause);
    this.#hub.observer.requestFailed(error.reason);
    const value = { error: wireError(error) };
    this.#outbound.send({ $case: 'requestFailed', value }, requestId);
  }

  #public(error: unknown): KelpieError {
    return publicError(error, this.#hub.network.options.onFault);
  }
}

/** A session has one position, so a topic cannot be added with a past of its own. */
function checkLiveStart(start: StartAt): void {
  if (start === StartAt.UNSPECIFIED) throw startMissing();
  if (start === StartAt.SNAPSHOT || start === StartAt.LATEST) return;
  throw new KelpieError(
    'START_INVALID',
    'a topic that is added starts at SNAPSHOT or LATEST; read older events by a call',
    { start: startName(start) },
  );
}
