/** Records the steps of a run. Its transport lies under the SDK, so it sees frames that the SDK hides from programs. */
import { performance } from 'node:perf_hooks';
import type { Transport } from '../../client/connection/transport.js';
import {
  gapReasonNameOf,
  nodeLeaveReasonNameOf,
  playerLeaveReasonNameOf,
  welcomeOutcomeNameOf,
} from '../../client/core/spelling.js';
import { fromThrown } from '../../client/errors.js';
import { type Cursor, StartAt } from '../../gen/ts/kelpie/v1/cursor.js';
import type { Event } from '../../gen/ts/kelpie/v1/event.js';
import type {
  ConnectRequest,
  CoordinatorFrame,
  Hello,
  NodeFrame,
  Welcome,
} from '../../gen/ts/kelpie/v1/session_service.js';
import { msOf } from '../../client/core/duration.js';
import type { Act, History, Position, Seen, StartsAt, Step, StreamAct } from './steps.js';

export class Recorder {
  readonly #steps: Step[] = [];
  #streams = 0;

  /** The steps so far. */
  get history(): History {
    return this.#steps;
  }

  record(client: string, act: Act): void {
    this.#steps.push({ ...act, client, atMs: performance.now() });
  }

  /** The transport, with every frame recorded in the name of the client. */
  over(client: string, transport: Transport): Transport {
    return (requests, signal) => this.#stream(client, transport, requests, signal);
  }

  async *#stream(
    client: string,
    transport: Transport,
    requests: AsyncIterable<ConnectRequest>,
    signal: AbortSignal,
  ) {
    const stream = (this.#streams += 1);
    const record = (act: StreamAct): void => this.record(client, act);
    let reason: string | undefined;
    try {
      for await (const response of transport(this.#sent(stream, record, requests), signal)) {
        for (const { frame } of response.frames) if (frame) record(received(stream, frame));
        yield response;
      }
    } catch (thrown) {
      ({ reason } = fromThrown(thrown));
      throw thrown;
    } finally {
      record({ kind: 'closed', stream, ...(reason !== undefined && { reason }) });
    }
  }

  async *#sent(
    stream: number,
    record: (act: StreamAct) => void,
    requests: AsyncIterable<ConnectRequest>,
  ) {
    for await (const request of requests) {
      for (const { frame } of request.frames) if (frame) record(sent(stream, frame));
      yield request;
    }
  }
}

/** A frame of a node, as a step. */
export function sent(stream: number, frame: NonNullable<NodeFrame['frame']>): StreamAct {
  switch (frame.$case) {
    case 'hello':
      return hello(stream, frame.value);
    case 'publish': {
      const ids = frame.value.events.map(({ payload }) => payload?.attributes['id'] ?? '');
      return { kind: 'publishes', stream, ids };
    }
    case 'updateSubscription': {
      const { addedTopics: added, removedTopics: removed } = frame.value;
      return { kind: 'subscribes', stream, added, removed };
    }
    default:
      return { kind: 'sends', stream, frame: frame.$case };
  }
}

function hello(stream: number, { instanceId, topics, start, name }: Hello): StreamAct {
  // Every node reads its own inbox.
  const all = [...topics, `inbox.${name.toLowerCase()}`];
  return { kind: 'hello', stream, instance: hexOf(instanceId), topics: all, start: startOf(start) };
}

function startOf(start: Hello['start']): StartsAt {
  const place = start?.place;
  if (place?.$case === 'after') return positionOf(place.value);
  if (place?.$case !== 'at') throw new Error('the clients of a run start at a cursor or a name');
  if (place.value === StartAt.SNAPSHOT) return 'SNAPSHOT';
  return place.value === StartAt.EARLIEST ? 'EARLIEST' : 'LATEST';
}

/** A frame of a coordinator, as a step. */
export function received(stream: number, frame: NonNullable<CoordinatorFrame['frame']>): StreamAct {
  switch (frame.$case) {
    case 'welcome':
      return welcome(stream, frame.value);
    case 'eventBatch': {
      const { afterSequence: after, upTo, events } = frame.value;
      return { kind: 'batch', stream, after, upTo: positionOf(upTo), events: events.map(seen) };
    }
    case 'gap': {
      const { lostAfter, resumesAt, reason } = frame.value;
      const range = { lostAfter: positionOf(lostAfter), resumesAt: positionOf(resumesAt) };
      return { kind: 'gap', stream, ...range, reason: gapReasonNameOf(reason) };
    }
    case 'subscriptionUpdated':
      return { kind: 'subscribed', stream, at: positionOf(frame.value.cursor) };
    case 'heartbeatAck':
    case 'snapshot': {
      const { cursor } = frame.value;
      const kind = frame.$case === 'snapshot' ? 'snapshot' : 'renewed';
      if (cursor) return { kind, stream, at: positionOf(cursor) };
      return { kind: 'receives', stream, frame: frame.$case };
    }
    default:
      return { kind: 'receives', stream, frame: frame.$case };
  }
}

function welcome(stream: number, value: Welcome): StreamAct {
  return {
    ...{ kind: 'welcome', stream, generation: value.generation, at: positionOf(value.cursor) },
    outcome: welcomeOutcomeNameOf(value.outcome),
    coordinator: value.coordinatorId,
    maxSilenceMs: msOf(value.maxSilence, 0),
    graceMs: msOf(value.grace, 0),
  };
}

/** An event, as the validators see it. */
export function seen({ sequence, topic, source, body }: Event): Seen {
  const kind = body?.$case ?? '';
  const plain = { sequence, topic, source, kind };
  switch (body?.$case) {
    case 'messagePublished':
      return { ...plain, id: body.value.attributes['id'] ?? '' };
    case 'nodeJoined':
    case 'nodeUpdated':
      return { ...plain, node: body.value.node?.name ?? '' };
    case 'nodeLeft':
      return {
        ...{ ...plain, node: body.value.node?.name ?? '' },
        reason: nodeLeaveReasonNameOf(body.value.reason),
      };
    case 'playerJoined':
    case 'playerMoved':
    case 'playerUpdated':
    case 'playerLeft': {
      const { id = '', proxy = '', generation = 0 } = body.value.player ?? {};
      const player = { id, proxy, generation };
      if (body.$case !== 'playerLeft') return { ...plain, player };
      return { ...plain, player, reason: playerLeaveReasonNameOf(body.value.reason) };
    }
    default:
      return plain;
  }
}

function positionOf(cursor: Cursor | undefined): Position {
  if (!cursor) throw new Error('a frame came without its cursor');
  const { epoch, sequence, tag } = cursor;
  return { epoch: hexOf(epoch), sequence, tag };
}

/** The cursor of a position, to start from. */
export function cursorOf({ epoch, sequence, tag }: Position): Cursor {
  return { epoch: Buffer.from(epoch, 'hex'), sequence, tag };
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
