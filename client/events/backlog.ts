/**
 * What was received and is not handled yet. A coordinator sends a window on each stream, whatever an
 * older stream has brought: without a bound of its own a node with a slow handler would keep one more
 * window with each reconnect. Beyond one window of older streams, what comes is delayed back, in its order,
 * and is not acknowledged; if the stream breaks, the next one brings it again.
 */
import { EventBatch } from '../../gen/ts/kelpie/v1/stream.js';

/** The window that a Hello asks for by saying nothing. */
const WINDOW_EVENTS = 4096;
const WINDOW_BYTES = 1024 * 1024;

interface Size {
  readonly events: number;
  readonly bytes: number;
}

export class Backlog {
  /** The batches that handlers work on, with their sizes if an older stream brought them. */
  readonly #running = new Map<EventBatch, Size | undefined>();
  #olderEvents = 0;
  #olderBytes = 0;
  #delayed: (() => void)[] = [];

  /** Whether something must be delayed, since there is no room for it or for what came before it. */
  get full(): boolean {
    const full = this.#olderEvents >= WINDOW_EVENTS || this.#olderBytes >= WINDOW_BYTES;
    return full || this.#delayed.length > 0;
  }

  /** Does it now, or in its turn when there is room. */
  inOrder(work: () => void): void {
    if (this.full) this.#delayed.push(work);
    else work();
  }

  /** A batch is being handled. */
  begin(batch: EventBatch): void {
    this.#running.set(batch, undefined);
  }

  /** It is handled. */
  end(batch: EventBatch): void {
    const size = this.#running.get(batch);
    this.#running.delete(batch);
    if (!size) return;
    this.#olderEvents -= size.events;
    this.#olderBytes -= size.bytes;
    this.#release();
  }

  #release(): void {
    const delayed = this.#delayed;
    this.#delayed = [];
    for (let next = delayed.shift(); next; next = this.full ? undefined : delayed.shift()) next();
    // Whatever came meanwhile is behind the others.
    this.#delayed = [...delayed, ...this.#delayed];
  }

  /** A new stream is open: what is handled is an older one's, and what is delayed comes again. */
  restart(): void {
    this.#delayed = [];
    for (const [batch, size] of this.#running) {
      if (size) continue;
      const bytes = EventBatch.encode(batch).finish().length;
      this.#running.set(batch, { events: batch.events.length, bytes });
      this.#olderEvents += batch.events.length;
      this.#olderBytes += bytes;
    }
  }
}
