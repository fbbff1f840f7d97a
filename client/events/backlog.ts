/**
 * Received batches that the handlers have not finished. A coordinator sends up to one window on each stream, and does
 * not count the events of older streams. Without a bound of its own, a node with a slow handler would collect another
 * window with each reconnect. If the batches of older streams fill one window, the client delays all further frames, in
 * order, and does not acknowledge them. If the stream breaks, the next one brings them again.
 */
import { EventBatch } from '../../gen/ts/kelpie/v1/stream.js';

/** The default window of a Hello. */
const WINDOW_EVENTS = 4096;
const WINDOW_BYTES = 1024 * 1024;

interface Size {
  readonly events: number;
  readonly bytes: number;
}

export class Backlog {
  /** The batches that handlers work on. Those of older streams have their sizes. */
  readonly #running = new Map<EventBatch, Size | undefined>();
  #olderEvents = 0;
  #olderBytes = 0;
  #delayed: (() => void)[] = [];

  /** Whether further work must wait: there is no room, or earlier work waits already. */
  get full(): boolean {
    const full = this.#olderEvents >= WINDOW_EVENTS || this.#olderBytes >= WINDOW_BYTES;
    return full || this.#delayed.length > 0;
  }

  /** Does the work now; or, if earlier work waits, in its turn when there is room. */
  inOrder(work: () => void): void {
    if (this.full) this.#delayed.push(work);
    else work();
  }

  /** Handlers begin to work on a batch. */
  begin(batch: EventBatch): void {
    this.#running.set(batch, undefined);
  }

  /** All handlers of the batch have finished. */
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
    // Work that came during the loop is behind the work that still waits.
    this.#delayed = [...delayed, ...this.#delayed];
  }

  /** A new stream is open: the running batches are those of older streams. It brings the delayed frames again. */
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
