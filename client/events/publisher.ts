/**
 * Publishes that are not acknowledged yet: numbered once, kept until the coordinator has settled
 * them, sent again on the next stream. The numbers make each stored once.
 */
import type { Limits } from '../../gen/ts/kelpie/v1/coordinator.js';
import { EventDraft, Payload } from '../../gen/ts/kelpie/v1/event.js';
import type { PublishAck, Publish, Welcome } from '../../gen/ts/kelpie/v1/session_service.js';
import { type Cancel, type Clock, systemClock } from '../core/clock.js';
import { isDeeper, tooDeep } from './content.js';
import { fromWire, KelpieError } from '../errors.js';

/** Above one of these, `publish` rejects: the coordinator has been away for too long. */
const PENDING_EVENTS = 10_000;
const PENDING_BYTES = 16 * 1024 * 1024;

/** One Publish: below what every coordinator allows. */
const BATCH_EVENTS = 256;
const BATCH_BYTES = 256 * 1024;

/** Bytes of a message beside one event: its topic, numbers, an Ack. */
const BESIDE_BYTES = 1024;

interface Pending {
  readonly draft: EventDraft;
  /** Not less than it takes. */
  readonly bytes: number;
  readonly resolve: () => void;
  readonly reject: (error: KelpieError) => void;
}

export class Publisher {
  /** In order; the first `#unsent` are on their way on this stream, the first `#sent` were on one. */
  #pending: Pending[] = [];
  #unsent = 0;
  #sent = 0;
  /** The publish sequence of the first of them; the others count on from it. */
  #first = 1;
  #bytes = 0;
  /** Those of the newest Welcome. */
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
    const message = `${length} events (${this.#bytes} bytes) wait to be acknowledged; publish less, or wait for what was published`;
    return new KelpieError('PUBLISH_QUEUE_FULL', message);
  }

  /** Why the coordinator would not take it. Before the first Welcome nobody knows. */
  #refusal(draft: EventDraft, bytes: number): KelpieError | undefined {
    if (!this.#limits) return undefined;
    const { jsonDepth } = this.#limits;
    // 0: of a coordinator that does not say it.
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

  /** A new stream: what the coordinator has is settled, the rest goes out again, as far as it may. */
  restart({ publishSequence, limits }: Welcome): void {
    this.#limits = limits;
    this.#settle(publishSequence);
    // Nobody has stored the others, and no older stream can store them any more: their numbers are free.
    if (publishSequence > 0) this.#first = publishSequence + 1;
    this.#unsent = 0;
    this.#refuseUnfit();
  }

  /** Limits may be smaller than those under which something was taken. */
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

  /** The next frame to send, of at most so many bytes, if there is something. */
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

  /** Only events that went out can be settled, whatever a number says. */
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

  /** Resolves when nothing waits to be acknowledged any more, or when it took too long. */
  async idle(withinMs: number): Promise<void> {
    if (this.#pending.length === 0) return;
    let cancel: Cancel | undefined;
    await new Promise<void>((resolve) => {
      this.#idle.push(resolve);
      cancel = this.#clock.after(withinMs, resolve);
    });
    cancel?.();
  }

  /** Rejects everything that is left. */
  close(error: KelpieError): void {
    for (const pending of this.#pending.splice(0)) pending.reject(error);
    this.#unsent = this.#sent = 0;
    this.#bytes = 0;
    this.#release();
  }
}

/** Bytes that go with each text. */
const OVERHEAD_BYTES = 8;

/** About as many bytes as the draft takes on the wire, not less; to encode it for that is dear. */
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
