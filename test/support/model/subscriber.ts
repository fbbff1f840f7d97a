/**
 * One reader of a network, over any number of streams and processes. It stores each step, and delivery-law.ts
 * checks these steps.
 */
import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { type Cursor, StartAt } from '../../../gen/ts/kelpie/v1/cursor.js';
import {
  type CoordinatorFrame,
  Heartbeat,
  type Hello,
} from '../../../gen/ts/kelpie/v1/session_service.js';
import type { EventBatch, Gap, Snapshot } from '../../../gen/ts/kelpie/v1/stream.js';
import type { KelpieError } from '../../../server/core/errors.js';
import type { Journal } from '../../../server/journal/journal.js';
import type { SessionPort } from '../../../server/session/port.js';
import { after, EARLIEST, hello, LATEST, SNAPSHOT, TestStream } from './coordinator.js';
import { messageDraft } from '../wire/messages.js';

/** One step of a reader. Positions are sequences. */
export type Seen =
  | { kind: 'opened'; at: number; patterns: readonly string[]; snapshot: boolean }
  | { kind: 'asked'; patterns: readonly string[]; added: readonly string[]; snapshot: boolean }
  | { kind: 'updated'; at: number }
  | { kind: 'events'; batch: EventBatch }
  | { kind: 'gap'; gap: Gap }
  | { kind: 'renewed'; at: number }
  /** `head` is the head of the journal when the part came. */
  | { kind: 'snapshot'; part: Snapshot; head: number };

/** A change of topics. */
export interface TopicChange {
  readonly add: readonly string[];
  readonly remove: readonly string[];
  readonly startAt: 'LATEST' | 'SNAPSHOT';
}

export interface SubscriberOptions {
  readonly name: string;
  readonly topics: readonly string[];
  readonly start: 'EARLIEST' | 'LATEST' | 'SNAPSHOT';
  readonly windowEvents: number;
  readonly excludeOwn: boolean;
}

const STARTS = { EARLIEST, LATEST, SNAPSHOT };

export class Subscriber {
  readonly options: SubscriberOptions;
  readonly seen: Seen[] = [];
  readonly #port: SessionPort;
  readonly #journal: Journal;
  #patterns: readonly string[];
  #instance = randomBytes(16);
  #stream: TestStream | undefined;
  #position: Cursor | undefined;
  #unacknowledged: { upTo: number; events: number }[] = [];
  #published = 0;
  /** An unanswered change, and the reader's position at its request. */
  #asked: { seen: number; position: Cursor | undefined } | undefined;

  constructor(port: SessionPort, journal: Journal, options: SubscriberOptions) {
    this.#port = port;
    this.#journal = journal;
    this.options = options;
    this.#patterns = options.topics;
  }

  async open(): Promise<void> {
    this.#stream = new TestStream(this.#port);
    await this.#begin(this.#stream);
  }

  /** Opens another stream of the same process, also while an earlier one is open. */
  async replace(): Promise<void> {
    const old = this.#stream;
    this.#forgetUnanswered();
    await this.open();
    if (old) expect(reasonOf(await old.ended())).to.equal('SESSION_REPLACED');
  }

  /** Another process takes the name. The process before has no stream any more. */
  async succeed(): Promise<void> {
    await this.cut();
    this.#instance = randomBytes(16);
    await this.open();
  }

  #hello(instanceId: Uint8Array): Hello {
    const { name, start, windowEvents, excludeOwn } = this.options;
    return hello(name, {
      instanceId,
      topics: [...this.#patterns],
      start: this.#position ? after(this.#position) : STARTS[start],
      window: { events: windowEvents, bytes: 2 ** 20 },
      excludeOwn,
    });
  }

  async #begin(stream: TestStream): Promise<void> {
    stream.send({ $case: 'hello', value: this.#hello(this.#instance) });
    await this.#welcomed(stream);
  }

  async #welcomed(stream: TestStream): Promise<void> {
    const { cursor, publishSequence } = await stream.next('welcome');
    const { start } = this.options;
    const first = !this.#position;
    const place = start === 'EARLIEST' ? this.#journal.oldest : this.#journal.head;
    const wanted = this.#position ?? place;
    expect(cursor?.sequence, 'a stream starts at the requested position').to.equal(wanted.sequence);
    this.#position = cursor;
    this.#published = publishSequence;
    this.#unacknowledged = [];
    this.seen.push({
      kind: 'opened',
      at: wanted.sequence,
      patterns: this.#patterns,
      snapshot: first && start === 'SNAPSHOT',
    });
  }

  /** Reads up to `messages` ready messages. Messages that are pulled but not stored count as lost on the way. */
  async read(messages: number, keep: boolean): Promise<void> {
    for (let count = 0; count < messages; count++) {
      const frames = await this.#stream?.pullIfReady(30);
      if (!frames) return;
      if (keep) for (const { frame } of frames) this.#take(frame);
    }
  }

  #take(frame: CoordinatorFrame['frame']): void {
    expect(frame?.$case, 'nothing is refused').to.not.equal('requestFailed');
    if (frame?.$case === 'eventBatch') this.#takeBatch(frame.value);
    if (frame?.$case === 'gap') {
      this.seen.push({ kind: 'gap', gap: frame.value });
      if (frame.value.topics.length === 0) this.#position = frame.value.resumesAt;
    }
    if (frame?.$case === 'snapshot') {
      const head = this.#journal.head.sequence;
      this.seen.push({ kind: 'snapshot', part: frame.value, head });
    }
    if (frame?.$case === 'subscriptionUpdated') {
      this.#asked = undefined;
      this.#renew('updated', frame.value.cursor);
    }
    if (frame?.$case === 'heartbeatAck' && frame.value.cursor) {
      this.#renew('renewed', frame.value.cursor);
    }
  }

  #renew(kind: 'updated' | 'renewed', cursor: Cursor | undefined): void {
    this.seen.push({ kind, at: cursor?.sequence ?? 0 });
    this.#reach(cursor);
  }

  #takeBatch(batch: EventBatch): void {
    expect(batch.afterSequence, 'a batch begins at or before the position').to.be.at.most(
      this.#position?.sequence ?? 0,
    );
    const outstanding = this.#unacknowledged.reduce((sum, { events }) => sum + events, 0);
    expect(outstanding + batch.events.length, 'a batch fits into the window').to.be.at.most(
      this.options.windowEvents,
    );
    this.seen.push({ kind: 'events', batch });
    this.#reach(batch.upTo);
    this.#unacknowledged.push({ upTo: batch.upTo?.sequence ?? 0, events: batch.events.length });
  }

  #reach(cursor: Cursor | undefined): void {
    if (cursor && cursor.sequence >= (this.#position?.sequence ?? 0)) this.#position = cursor;
  }

  /** Acknowledges all batches, or all but the newest one. */
  acknowledge(all = true): void {
    const sequence = this.#unacknowledged.at(all ? -1 : -2)?.upTo;
    this.#unacknowledged = all ? [] : this.#unacknowledged.slice(-1);
    if (sequence !== undefined) this.#stream?.send({ $case: 'ack', value: { sequence } });
  }

  heartbeat(): void {
    this.#stream?.send({ $case: 'heartbeat', value: Heartbeat.create() });
  }

  publish(topic: string, count: number): void {
    const events = Array.from({ length: count }, (_, index) => messageDraft(`${index}`, topic));
    const firstPublishSequence = this.#published + 1;
    this.#published += count;
    this.#stream?.send({ $case: 'publish', value: { firstPublishSequence, events } });
  }

  /** Requests other topics. One change at a time, so that each answer belongs to one change. */
  update({ add, remove, startAt }: TopicChange): void {
    if (this.#asked) return;
    const kept = this.#patterns.filter((one) => !remove.includes(one) && !add.includes(one));
    this.#patterns = [...kept, ...add];
    this.#asked = { seen: this.seen.length, position: this.#position };
    this.seen.push({
      kind: 'asked',
      patterns: this.#patterns,
      added: add,
      snapshot: startAt === 'SNAPSHOT',
    });
    const value = {
      addedTopics: [...add],
      removedTopics: [...remove],
      startAt: StartAt[startAt],
    };
    this.#stream?.send({ $case: 'updateSubscription', value });
  }

  async cut(): Promise<void> {
    await this.#stream?.cut();
    this.#stream = undefined;
    this.#forgetUnanswered();
  }

  /**
   * If the answer to a change is lost, the reader cannot tell where the change took effect. So batches since the
   * request count as lost on the way too. The next Hello has the new topics.
   */
  #forgetUnanswered(): void {
    if (!this.#asked) return;
    this.seen.splice(this.#asked.seen);
    this.#position = this.#asked.position;
    this.#asked = undefined;
  }

  /** Reads and acknowledges until nothing more comes. */
  async finish(): Promise<void> {
    for (let quiet = 0; quiet < 2;) {
      const before = this.seen.length;
      this.acknowledge();
      await this.read(50, true);
      quiet = this.seen.length === before ? quiet + 1 : 0;
    }
    expect(this.#asked, 'every change is answered').to.equal(undefined);
  }
}

function reasonOf(error: unknown): string {
  return (error as KelpieError | undefined)?.reason ?? 'none';
}
