/**
 * Publishes that are not acknowledged yet: numbered once, kept until the coordinator has settled
 * them, sent again on the next stream. The numbers make each stored once.
 */
import { EventDraft, Payload } from '../gen/ts/kelpie/v1/event.js';
import type { PublishAck, PublishEvents, Welcome } from '../gen/ts/kelpie/v1/session_service.js';
import { type Cancel, type Clock, systemClock } from './clock.js';
import { fromWire, KelpieError } from './errors.js';

/** Above one of these, `publish` rejects: the coordinator has been away for too long. */
const PENDING_EVENTS = 10_000;
const PENDING_BYTES = 16 * 1024 * 1024;

/** One PublishEvents: below what every coordinator allows. */
const BATCH_EVENTS = 256;
const BATCH_BYTES = 256 * 1024;

interface Pending {
  readonly sequence: number;
  readonly draft: EventDraft;
  readonly bytes: number;
  readonly resolve: () => void;
  readonly reject: (error: KelpieError) => void;
}

export class Publisher {
  /** In order of their sequences; those before `#unsent` are on their way. */
  #pending: Pending[] = [];
  #unsent = 0;
  #bytes = 0;
  #next = 1;
  readonly #wake: () => void;
  readonly #clock: Clock;
  #idle: (() => void)[] = [];

  constructor(wake: () => void, clock: Clock = systemClock) {
    this.#wake = wake;
    this.#clock = clock;
  }

  /** Resolves when the event is stored. Rejects with PUBLISH_QUEUE_FULL, CLOSED or its refusal. */
  publish(draft: EventDraft): Promise<void> {
    const bytes = sizeOf(draft);
    if (this.#pending.length >= PENDING_EVENTS || this.#bytes + bytes > PENDING_BYTES) {
      const message = `${this.#pending.length} events (${this.#bytes} bytes) wait to be acknowledged; publish less, or wait for what was published`;
      return Promise.reject(new KelpieError('PUBLISH_QUEUE_FULL', message));
    }
    return new Promise((resolve, reject) => {
      this.#pending.push({ sequence: this.#next++, draft, bytes, resolve, reject });
      this.#bytes += bytes;
      this.#wake();
    });
  }

  /** A new stream: what the coordinator has is settled, the rest goes out again. */
  restart({ publishSequence }: Welcome): void {
    this.#unsent = 0;
    this.#settle(publishSequence);
  }

  /** The next frame to send, if there is something. */
  take(): PublishEvents | undefined {
    const [first] = this.#pending.slice(this.#unsent, this.#unsent + 1);
    if (!first) return undefined;
    const events: EventDraft[] = [];
    let bytes = 0;
    for (let index = this.#unsent; index < this.#pending.length; index++) {
      const pending = this.#pending[index];
      if (!pending || events.length === BATCH_EVENTS) break;
      if (events.length > 0 && bytes + pending.bytes > BATCH_BYTES) break;
      events.push(pending.draft);
      bytes += pending.bytes;
    }
    this.#unsent += events.length;
    return { firstPublishSequence: first.sequence, events };
  }

  acknowledge({ publishSequence, rejections }: PublishAck): void {
    const refused = new Map(rejections.map((one) => [one.publishSequence, fromWire(one.error)]));
    this.#settle(publishSequence, refused);
  }

  #settle(sequence: number, refused?: Map<number, KelpieError>): void {
    let count = 0;
    for (const pending of this.#pending) {
      if (pending.sequence > sequence) break;
      count += 1;
      this.#bytes -= pending.bytes;
      const error = refused?.get(pending.sequence);
      if (error) pending.reject(error);
      else pending.resolve();
    }
    this.#pending.splice(0, count);
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
    this.#unsent = 0;
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
  if (form?.$case === 'json') return EventDraft.encode(draft).finish().length;
  const { type, attributes } = payload;
  const texts = [topic, type, form?.value ?? '', ...Object.entries(attributes).flat()];
  return texts.reduce(
    (sum, text) => sum + Buffer.byteLength(text) + OVERHEAD_BYTES,
    OVERHEAD_BYTES,
  );
}
