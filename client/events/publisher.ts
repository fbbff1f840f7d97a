/**
 * Publishes without an acknowledgement. The client numbers each event once, keeps it until the coordinator has settled
 * it, and sends it again on the next stream. By the numbers the coordinator stores each event once.
 */
import type { Limits } from '../../gen/ts/kelpie/v1/coordinator.js';
import { EventDraft, Payload } from '../../gen/ts/kelpie/v1/event.js';
import type { PublishAck, Publish, Welcome } from '../../gen/ts/kelpie/v1/session_service.js';
import { type Cancel, type Clock, systemClock } from '../core/clock.js';
import { isDeeper, tooDeep } from './content.js';
import { fromWire, KelpieError } from '../errors.js';

/** The most events and bytes that wait for an acknowledgement. Above one of these `publish` rejects. */
const PENDING_EVENTS = 10_000;
const PENDING_BYTES = 16 * 1024 * 1024;

/** The most events and bytes of one Publish: below the limits of every coordinator. */
const BATCH_EVENTS = 256;
const BATCH_BYTES = 256 * 1024;

/** Room in a message beside one event: its topic, numbers, an Ack. */
const BESIDE_BYTES = 1024;

interface Pending {
  readonly draft: EventDraft;
  /** At least the bytes of the draft on the wire. */
  readonly bytes: number;
  readonly resolve: () => void;
  readonly reject: (error: KelpieError) => void;
}

export class Publisher {
  /**
   * In order. `#unsent` is the index of the first event that has not gone out on the present stream. `#sent` counts the
   * events that have gone out on any stream.
   */
  #pending: Pending[] = [];
  #unsent = 0;
  #sent = 0;
  /** The publish sequence of the first pending event. The others have the next numbers. */
  #first = 1;
  #bytes = 0;
  /** The limits of the newest Welcome. */
  #limits: Limits | undefined;
  readonly #wake: () => void;
  readonly #clock: Clock;
  #idle: (() => void)[] = [];

  constructor(wake: () => void, clock: Clock = systemClock) {
    this.#wake = wake;
    this.#clock = clock;
  }

  /** Resolves when the event is settled. Rejects with PUBLISH_QUEUE_FULL, CLOSED or its refusal. */
  publish(draft: EventDraft): Promise<void> {
    const bytes = sizeOf(draft);
    const refusal = this.#refusal(draft, bytes) ?? this.#full(bytes);
    if (refusal) return Promise.reject(refusal);
    return new Promise((resolve, reject) => {
      this.#pending.push({ draft, bytes, resolve, reject });
      this.#bytes += bytes;
      this.#wake();
    });
  }

  #full(bytes: number): KelpieError | undefined {
    const { length } = this.#pending;
    if (length < PENDING_EVENTS && this.#bytes + bytes <= PENDING_BYTES) return undefined;
    const message = `${length} events (${this.#bytes} bytes) wait to be acknowledged; publish less, or wait for the acknowledgements`;
    return new KelpieError('PUBLISH_QUEUE_FULL', message);
  }

  /** The refusal that the coordinator would give. Undefined before the first Welcome, when the limits are unknown. */
  #refusal(draft: EventDraft, bytes: number): KelpieError | undefined {
    if (!this.#limits) return undefined;
    const { jsonDepth } = this.#limits;
    // 0: the coordinator names no limit.
    if (jsonDepth > 0 && isDeeper(draft.payload?.content, jsonDepth)) return tooDeep(jsonDepth);
    const { payloadBytes, publishBytes, messageBytes } = this.#limits;
    const limit = Math.min(payloadBytes, publishBytes, messageBytes - BESIDE_BYTES);
    if (bytes <= limit) return undefined;
    const exact = Payload.encode(draft.payload ?? Payload.create()).finish().length;
    if (exact <= limit) return undefined;
    const message = `the event on "${draft.topic}" has ${exact} bytes; the limit is ${limit}`;
    const metadata = { bytes: String(exact), limit: String(limit) };
    return new KelpieError('PAYLOAD_TOO_LARGE', message, { metadata, permanent: true });
  }

  /** A new stream: the events up to the coordinator's publish sequence are settled, and the others go out again. */
  restart({ publishSequence, limits }: Welcome): void {
    this.#limits = limits;
    this.#settle(publishSequence);
    // No coordinator has stored the others, and no older stream can store them any more: their numbers are free.
    if (publishSequence > 0) this.#first = publishSequence + 1;
    this.#unsent = 0;
    this.#refuseUnfit();
  }

  /** Refuses the events that are above the limits of the new coordinator. */
  #refuseUnfit(): void {
    let [sent, index] = [0, 0];
    this.#pending = this.#pending.filter(({ draft, bytes, reject }) => {
      const refusal = this.#refusal(draft, bytes);
      if (!refusal && index < this.#sent) sent += 1;
      index += 1;
      if (!refusal) return true;
      this.#bytes -= bytes;
      reject(refusal);
      return false;
    });
    this.#sent = sent;
    if (this.#pending.length === 0) this.#release();
  }

  /** The next frame to send, of at most `room` bytes; undefined if nothing waits or fits. */
  take(room = Infinity): Publish | undefined {
    const { publishEvents = BATCH_EVENTS, publishBytes = BATCH_BYTES } = this.#limits ?? {};
    const mostBytes = Math.min(BATCH_BYTES, publishBytes, room);
    const end = this.#unsent + Math.min(BATCH_EVENTS, publishEvents);
    const events: EventDraft[] = [];
    let bytes = 0;
    for (const { draft, bytes: own } of this.#pending.slice(this.#unsent, end)) {
      if (bytes + own > (events.length > 0 ? mostBytes : room)) break;
      events.push(draft);
      bytes += own;
    }
    if (events.length === 0) return undefined;
    const firstPublishSequence = this.#first + this.#unsent;
    this.#unsent += events.length;
    this.#sent = Math.max(this.#sent, this.#unsent);
    return { firstPublishSequence, events };
  }

  acknowledge({ publishSequence, rejections }: PublishAck): void {
    const refused = new Map(rejections.map((one) => [one.publishSequence, fromWire(one.error)]));
    this.#settle(publishSequence, refused);
  }

  /** Settles the events up to a number, but only events that went out: the number may be wrong. */
  #settle(upTo: number, refused?: Map<number, KelpieError>): void {
    const count = Math.min(Math.max(0, upTo - this.#first + 1), this.#sent);
    for (const [index, pending] of this.#pending.splice(0, count).entries()) {
      this.#bytes -= pending.bytes;
      const error = refused?.get(this.#first + index);
      if (error) pending.reject(error);
      else pending.resolve();
    }
    this.#first += count;
    this.#sent -= count;
    this.#unsent = Math.max(0, this.#unsent - count);
    if (this.#pending.length === 0) this.#release();
  }

  #release(): void {
    for (const release of this.#idle.splice(0)) release();
  }

  /** Resolves when no event waits for an acknowledgement, or after this time. */
  async idle(withinMs: number): Promise<void> {
    if (this.#pending.length === 0) return;
    let cancel: Cancel | undefined;
    await new Promise<void>((resolve) => {
      this.#idle.push(resolve);
      cancel = this.#clock.after(withinMs, resolve);
    });
    cancel?.();
  }

  /** Rejects all pending events. */
  close(error: KelpieError): void {
    for (const pending of this.#pending.splice(0)) pending.reject(error);
    this.#unsent = this.#sent = 0;
    this.#bytes = 0;
    this.#release();
  }
}

/** The bytes beside each text: tags and lengths. */
const OVERHEAD_BYTES = 8;

/** An estimate of the bytes of the draft on the wire, never too low. Encoding each draft only to measure it is slow. */
function sizeOf(draft: EventDraft): number {
  const { topic, payload = Payload.create() } = draft;
  const form = payload.content?.form;
  if (form?.$case === 'json' || form?.$case === 'list')
    return EventDraft.encode(draft).finish().length;
  const { type, attributes } = payload;
  const texts = [topic, type, form?.value ?? '', ...Object.entries(attributes).flat()];
  return texts.reduce(
    (sum, text) => sum + Buffer.byteLength(text) + OVERHEAD_BYTES,
    OVERHEAD_BYTES,
  );
}
