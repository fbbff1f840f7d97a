/** The requests of a node on an open session: one method for each frame. */
import type { CommandReply } from '../../gen/ts/kelpie/v1/command.js';
import { StartAt } from '../../gen/ts/kelpie/v1/cursor.js';
import type { ReportPlayers } from '../../gen/ts/kelpie/v1/presence.js';
import type {
  Heartbeat,
  NodeFrame,
  Publish,
  UpdateSubscription,
} from '../../gen/ts/kelpie/v1/session_service.js';
import type { Access } from '../access/access.js';
import type { Actor, OpenAct } from '../access/act.js';
import { checkFrame } from '../access/table.js';
import { KelpieError } from '../core/errors.js';
import { checkPatternCount } from '../topics/filter.js';
import type { PatternHold } from '../delivery/pattern-budget.js';
import { checkLiveStart, filterOf } from '../delivery/start.js';
import type { Feed } from '../delivery/feed.js';
import { type Frame, publicError, wireError } from '../delivery/frames.js';
import type { SessionServices } from './services.js';
import { checkFree, Issued } from './issued.js';
import type { Outbound } from './outbound.js';
import { ProxyRequests } from './proxy.js';
import type { Publisher } from './publisher.js';
import { SlotRequests } from './slots.js';
import { TransferRequests } from './transfers.js';
import { UpdateRequests } from './updates.js';
import { ValueRequests } from './values.js';

const UNKNOWN = 'the frame is empty, or of a kind that this coordinator does not know';

/** The parts of a session that requests use. */
export interface RequestsOptions {
  readonly services: SessionServices;
  readonly outbound: Outbound;
  readonly feed: Feed;
  readonly patterns: PatternHold;
  readonly publisher: Publisher;
  readonly name: string;
  readonly instance: Uint8Array;
  readonly generation: number;
  /** The host that the stream comes from. */
  readonly host: string;
  readonly access: Access;
}

export class Requests {
  readonly #services: SessionServices;
  readonly #outbound: Outbound;
  readonly #feed: Feed;
  readonly #patterns: PatternHold;
  readonly #publisher: Publisher;
  readonly #name: string;
  readonly #instance: Uint8Array;
  readonly #actor: Actor;
  readonly #proxy: ProxyRequests;
  readonly #issued: Issued;
  readonly #transfers: TransferRequests;
  readonly #slots: SlotRequests;
  readonly #values: ValueRequests;
  readonly #updates: UpdateRequests;
  #closed = false;

  constructor(options: RequestsOptions) {
    const { services, outbound, name } = options;
    this.#name = name;
    this.#instance = options.instance;
    this.#actor = { node: name, access: options.access };
    this.#services = services;
    this.#outbound = outbound;
    this.#feed = options.feed;
    this.#patterns = options.patterns;
    this.#publisher = options.publisher;
    this.#proxy = new ProxyRequests(services, options, () =>
      outbound.send({ $case: 'syncRequested', value: {} }),
    );
    this.#issued = new Issued(services.commands, options);
    this.#transfers = new TransferRequests(services, outbound, name);
    this.#slots = new SlotRequests(services, options);
    this.#values = new ValueRequests(services, options);
    this.#updates = new UpdateRequests(services.claims, options);
  }

  get latencies(): ReadonlyMap<string, number> {
    return this.#proxy.latencies;
  }

  /** The stream is gone. */
  close(): void {
    this.#closed = true;
    this.#proxy.close();
    this.#issued.close();
  }

  /**
   * Does what a frame asks, or answers with an error. Frames that open or end a session do not come here. A
   * promise if there is no room yet for a frame of its kind: the caller hands in nothing before it resolves.
   * Earlier frames do not wait for it.
   */
  handle(frame: NodeFrame): Promise<void> | undefined {
    const room = this.#roomFor(frame.frame);
    // Another frame may have taken the room when it resolves.
    if (room) return room.then(() => this.handle(frame));
    if (this.#closed) return undefined;
    if (frame.frame?.$case === 'publish') {
      return this.#services.network.backlog.admit(() => this.#attempt(frame));
    }
    this.#attempt(frame);
    return undefined;
  }

  #roomFor(frame: NodeFrame['frame']): Promise<void> | undefined {
    if (this.#closed) return undefined;
    switch (frame?.$case) {
      case 'publish':
        return this.#publisher.room();
      case 'updateOwnNode':
        return this.#updates.room();
      case 'releasePlayer':
      case 'reportPlayers':
      case 'syncPlayers':
      case 'updatePlayer':
        return this.#proxy.room();
      case 'putValue':
      case 'deleteValue':
        return this.#values.room();
      case 'reserveSlots':
      case 'releaseSlots':
        return this.#slots.room();
      default:
        return undefined;
    }
  }

  #attempt({ requestId, frame }: NodeFrame): void {
    if (this.#closed) return;
    const act = this.#services.audit.ofFrame(frame, this.#actor);
    try {
      checkFrame(frame, this.#name, this.#actor.access, this.#services.limits);
      this.#handle(requestId, frame, act);
    } catch (error) {
      this.#fail(requestId, error, act);
    }
  }

  #handle(requestId: number, frame: NodeFrame['frame'], act: OpenAct | undefined): void {
    switch (frame?.$case) {
      case 'publish':
        return this.#publish(requestId, frame.value);
      case 'ack':
        this.#feed.acknowledge(frame.value.sequence);
        return this.done(requestId);
      case 'heartbeat':
        return this.#heartbeat(requestId, frame.value);
      case 'updateSubscription':
        return this.#subscribe(requestId, frame.value);
      case 'updateOwnNode':
        return this.#confirm(requestId, this.#updates.update(frame.value));
      case 'issueCommand':
        checkFree(requestId, this.#issued, this.#transfers);
        return this.#issued.issue(requestId, frame.value, act);
      case 'cancelCommand':
        this.#issued.cancel(frame.value.issuedRequestId);
        return this.done(requestId);
      case 'commandReply':
        return this.#reply(requestId, frame.value);
      default:
        return this.#handleShared(requestId, frame, act);
    }
  }

  /** Frames about players, slots and values, which nodes share. */
  #handleShared(requestId: number, frame: NodeFrame['frame'], act: OpenAct | undefined): void {
    switch (frame?.$case) {
      case 'acquirePlayer':
        return this.#answer(requestId, this.#proxy.acquire(frame.value));
      case 'releasePlayer':
        return this.#confirm(requestId, this.#proxy.release(frame.value));
      case 'reportPlayers':
        return this.#report(requestId, frame.value);
      case 'syncPlayers':
        return this.#answer(requestId, this.#proxy.sync(frame.value));
      case 'updatePlayer':
        return this.#confirm(requestId, this.#proxy.update(frame.value));
      case 'transferPlayers':
        checkFree(requestId, this.#issued, this.#transfers);
        this.#transfers
          .transfer(requestId, frame.value, act)
          .catch((error: unknown) => this.#fail(requestId, error, act));
        return;
      case 'reserveSlots':
        return this.#answer(requestId, this.#slots.reserve(frame.value));
      case 'releaseSlots':
        return this.#confirm(requestId, this.#slots.release(frame.value));
      case 'getValue':
        return this.#answer(requestId, this.#values.get(frame.value));
      case 'putValue':
        return this.#answer(requestId, this.#values.put(frame.value));
      case 'deleteValue':
        return this.#confirm(requestId, this.#values.delete(frame.value));
      default:
        throw new KelpieError('FRAME_UNKNOWN', UNKNOWN);
    }
  }

  #publish(requestId: number, request: Publish): void {
    this.#publisher.publish(request).then(
      () => this.done(requestId),
      (error: unknown) => {
        const hole = error instanceof KelpieError && error.reason === 'PUBLISH_SEQUENCE_HOLE';
        const { readOnly, ended } = this.#services.network;
        // Unsettled is not rejected: the stream ends, and the node sends the events again on the next one. A
        // read-only journal would allow no next stream, and on this one the node can still read. The network ends all
        // streams after the end of its epoch, when the next one has begun.
        if (hole || readOnly || ended) this.#fail(requestId, error);
        else this.#outbound.end(this.#public(error));
      },
    );
  }

  #heartbeat(requestId: number, { load, presence, latencies }: Heartbeat): void {
    if (load) this.#services.loads.report(this.#name, load);
    if (latencies.length > 0) this.#proxy.measured(latencies);
    if (presence) this.#proxy.compare(presence);
    const cursor = this.#feed.renewed();
    this.#outbound.send({ $case: 'heartbeatAck', value: { cursor } }, requestId);
  }

  #subscribe(requestId: number, { addedTopics, removedTopics, startAt }: UpdateSubscription): void {
    const { patterns } = this.#services.limits;
    const added = filterOf(addedTopics, patterns);
    if (addedTopics.length > 0) checkLiveStart(startAt);
    checkPatternCount(removedTopics.length, patterns);
    const filter = this.#feed.filter.with(addedTopics, removedTopics);
    this.#patterns.take(filter);
    const cursor = this.#feed.update(filter, startAt === StartAt.SNAPSHOT ? added : undefined);
    this.#outbound.send({ $case: 'subscriptionUpdated', value: { cursor } }, requestId);
  }

  #reply(requestId: number, reply: CommandReply): void {
    const onItsWay = this.#services.replies.take(this.#name, this.#instance, reply);
    if (onItsWay) this.#confirm(requestId, onItsWay);
    else this.done(requestId);
  }

  #confirm(requestId: number, work: Promise<unknown>): void {
    work.then(
      () => this.done(requestId),
      (error: unknown) => this.#fail(requestId, error),
    );
  }

  #answer(requestId: number, work: Promise<() => Frame>): void {
    work.then(
      (frameNow) => this.#outbound.send(frameNow(), requestId),
      (error: unknown) => this.#fail(requestId, error),
    );
  }

  #report(requestId: number, request: ReportPlayers): void {
    this.#proxy.report(request).then(
      (resultsNow) => {
        const results = resultsNow();
        const news = request.reports.some(
          ({ what, generation }) => what?.$case === 'joined' && generation === 0,
        );
        const failed = results.some(({ error }) => error);
        if (requestId === 0 && !news && !failed) return;
        this.#outbound.send({ $case: 'playersReported', value: { results } }, requestId);
      },
      (error: unknown) => this.#fail(requestId, error),
    );
  }

  /** Answers RequestOk to a request that wants an answer and has no other one. */
  done(requestId: number): void {
    if (requestId > 0) this.#outbound.send({ $case: 'requestOk', value: {} }, requestId);
  }

  #fail(requestId: number, cause: unknown, act?: OpenAct): void {
    act?.failed(cause);
    const error = this.#public(cause);
    this.#services.observer.requestFailed(error.reason);
    const value = { error: wireError(error) };
    this.#outbound.send({ $case: 'requestFailed', value }, requestId);
  }

  #public(error: unknown): KelpieError {
    return publicError(error, this.#services.onFault);
  }
}
