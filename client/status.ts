/** The statuses of a client: a union, read through iterators. */
import type { KelpieError } from './errors.js';
import type { ConnectionStatus } from './connection/connection.js';
import type { Welcome } from './connection/welcome.js';
import type { Gap } from './events/gap.js';

/**
 * The state of a client: CONNECTING before its first session; CONNECTED while a session is open; AWAY after a session
 * was lost, until the next one is open; CLOSED after its end.
 */
export type ClientState = 'CONNECTING' | 'CONNECTED' | 'AWAY' | 'CLOSED';

/** One event in the life of a client. */
export type Status =
  | ConnectionStatus
  /** The session is open. */
  | { readonly type: 'connected'; readonly endpoint: string; readonly welcome: Welcome }
  /**
   * Events were lost. Load again all data that your program derives from them. If `gap.topics` is not empty, only
   * events that match one of its patterns were lost.
   */
  | { readonly type: 'gap'; readonly gap: Gap }
  /** The coordinator is about to stop; the client moves on. */
  | { readonly type: 'draining' }
  /**
   * The credential of the node expires soon, and its session ends then. Posted at a connect and once a day, from 7 days
   * before the end on.
   */
  | { readonly type: 'credentialExpiring'; readonly expiresInMs: number }
  /** The coordinator refused a request of the client, and did not carry it out. */
  | { readonly type: 'refused'; readonly error: KelpieError }
  /**
   * A handler threw or took too long; its event counts as processed. `pattern` names its subscription, or the
   * function of the options: `load`, `onEvicted` or `latencies`.
   */
  | { readonly type: 'handlerFailed'; readonly pattern: string; readonly error: unknown }
  /** The client could not read or write one of its files. */
  | { readonly type: 'fileFailed'; readonly path: string; readonly error: unknown }
  /** The reader of this iterator was too slow, and missed this number of statuses. */
  | { readonly type: 'skipped'; readonly count: number }
  /** The end, with the error if there was one. */
  | { readonly type: 'closed'; readonly error: KelpieError | undefined };

/** The number of statuses that the board keeps for slow readers. */
const KEPT = 1000;

/** Takes each status that nobody reads. */
export type OnUnread = (status: Status) => void;

/** Gives every iterator each status. An iterator is only a position, so an iterator that nobody reads costs nothing. */
export class StatusBoard {
  readonly #onUnread: OnUnread;
  /** The newest, in order. */
  readonly #kept: Status[] = [];
  /** The number of statuses before the kept ones. */
  #gone = 0;
  #connection: Status | undefined;
  #readers = 0;
  #news: { readonly posted: Promise<void>; readonly wake: () => void } | undefined;

  constructor(onUnread: OnUnread = () => undefined) {
    this.#onUnread = onUnread;
  }

  post(status: Status): void {
    if (['connecting', 'connected', 'disconnected', 'closed'].includes(status.type)) {
      this.#connection = status;
    }
    this.#kept.push(status);
    if (this.#kept.length > KEPT) {
      this.#kept.shift();
      this.#gone += 1;
    }
    this.#wake();
    if (this.#readers === 0) this.#onUnread(status);
  }

  /** An iterator that begins with the present state of the connection, and ends after `closed` or `return()`. */
  read(): AsyncIterableIterator<Status, undefined> {
    const reader = new Reader(this.#connection, this.#gone + this.#kept.length, {
      at: (position) => this.#at(position),
      news: () => this.#untilNews(),
      count: (change) => (this.#readers += change),
      wake: () => this.#wake(),
    });
    return reader;
  }

  /** The status at a position; `skipped` if the board no longer has it; undefined if it has not come yet. */
  #at(position: number): Status | undefined {
    const count = this.#gone - position;
    return count > 0 ? { type: 'skipped', count } : this.#kept[-count];
  }

  #untilNews(): Promise<void> {
    if (!this.#news) {
      let wake = (): void => undefined;
      const posted = new Promise<void>((resolve) => (wake = resolve));
      this.#news = { posted, wake };
    }
    return this.#news.posted;
  }

  #wake(): void {
    this.#news?.wake();
    this.#news = undefined;
  }
}

/** The part of a board that a reader uses. */
interface Board {
  at(position: number): Status | undefined;
  news(): Promise<void>;
  count(change: 1 | -1): void;
  wake(): void;
}

class Reader implements AsyncIterableIterator<Status, undefined> {
  readonly #board: Board;
  #first: Status | undefined;
  #position: number;
  #state: 'new' | 'reading' | 'ended' = 'new';

  constructor(first: Status | undefined, position: number, board: Board) {
    this.#first = first;
    this.#position = position;
    this.#board = board;
  }

  async next(): Promise<IteratorResult<Status, undefined>> {
    if (this.#state === 'new') {
      this.#state = 'reading';
      this.#board.count(1);
    }
    for (;;) {
      if (this.#ended) return { done: true, value: undefined };
      const status = this.#take();
      if (status?.type === 'closed') this.#end();
      if (status) return { done: false, value: status };
      await this.#board.news();
    }
  }

  #take(): Status | undefined {
    const first = this.#first;
    this.#first = undefined;
    if (first) return first;
    const status = this.#board.at(this.#position);
    if (status) this.#position += status.type === 'skipped' ? status.count : 1;
    return status;
  }

  get #ended(): boolean {
    return this.#state === 'ended';
  }

  async return(): Promise<IteratorResult<Status, undefined>> {
    this.#end();
    return { done: true, value: undefined };
  }

  #end(): void {
    if (this.#state === 'reading') this.#board.count(-1);
    this.#state = 'ended';
    // A waiting `next` ends too.
    this.#board.wake();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
