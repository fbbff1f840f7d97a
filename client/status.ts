/** What a client goes through, as one iterator over a union. */
import type { KelpieError } from './errors.js';
import type { Gap } from '../gen/ts/kelpie/v1/stream.js';
import type { Welcome } from '../gen/ts/kelpie/v1/session_service.js';

/** One thing that happened to the client. */
export type Status =
  /** An attempt begins; `attempt` counts from 0 after a healthy stream. */
  | { readonly type: 'connecting'; readonly endpoint: string; readonly attempt: number }
  /** The session is open. */
  | { readonly type: 'connected'; readonly endpoint: string; readonly welcome: Welcome }
  /** The stream is gone, or an attempt failed; the next one follows by itself. */
  | {
      readonly type: 'disconnected';
      readonly error: KelpieError | undefined;
      readonly retryInMs: number;
    }
  /**
   * Events were lost: what follows from them must be loaded anew. If `gap.topics` names patterns, only
   * events that match one of them.
   */
  | { readonly type: 'gap'; readonly gap: Gap }
  /** The coordinator is about to stop; the client moves on. */
  | { readonly type: 'draining' }
  /** A request of the client was refused; what it was about did not happen. */
  | { readonly type: 'refused'; readonly error: KelpieError }
  /** A handler threw or timed out; its event counts as processed. `load` is that of the options. */
  | { readonly type: 'handlerFailed'; readonly pattern: string; readonly error: unknown }
  /** A file of the client's could not be read or written. */
  | { readonly type: 'fileFailed'; readonly path: string; readonly error: unknown }
  /** The reader of this iterator was too slow: this many were skipped. */
  | { readonly type: 'skipped'; readonly count: number }
  /** The end, with the error if there was one. */
  | { readonly type: 'closed'; readonly error: KelpieError | undefined };

/** What an iterator holds for a reader that does not read. */
const QUEUE = 1000;

/** Hands each status to every iterator that is open. */
export class StatusBoard {
  readonly #readers = new Set<StatusReader>();
  #connection: Status | undefined;

  post(status: Status): void {
    if (['connecting', 'connected', 'disconnected', 'closed'].includes(status.type)) {
      this.#connection = status;
    }
    for (const reader of this.#readers) reader.push(status);
  }

  /** Begins with the present state of the connection; ends after `closed`. */
  read(): AsyncGenerator<Status> {
    const reader = new StatusReader();
    if (this.#connection) reader.push(this.#connection);
    this.#readers.add(reader);
    return this.#drain(reader);
  }

  async *#drain(reader: StatusReader): AsyncGenerator<Status> {
    try {
      for (;;) {
        const status = await reader.next();
        yield status;
        if (status.type === 'closed') return;
      }
    } finally {
      this.#readers.delete(reader);
    }
  }
}

class StatusReader {
  #queue: Status[] = [];
  #skipped = 0;
  #wake: (() => void) | undefined;

  push(status: Status): void {
    if (this.#queue.length >= QUEUE) {
      this.#queue.shift();
      this.#skipped += 1;
    }
    this.#queue.push(status);
    this.#wake?.();
  }

  async next(): Promise<Status> {
    if (this.#skipped > 0) {
      const count = this.#skipped;
      this.#skipped = 0;
      return { type: 'skipped', count };
    }
    for (;;) {
      const status = this.#queue.shift();
      if (status) return status;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}
