/**
 * Limits on shared values, by number and by the bytes of their rows. A put counts from the moment of its check,
 * before anything is awaited, until its write has ended. So concurrent puts cannot pass a limit together.
 */
import { KelpieError } from '../core/errors.js';
import type { Limits } from '../network/limits.js';
import type { ValueRow, ValueRows } from './rows.js';

/** The limits on shared values. */
export type ValueLimits = Pick<Limits, 'values' | 'valueRowBytes' | 'valueBytes' | 'jsonDepth'>;

export class ValueAdmission {
  readonly #rows: ValueRows;
  readonly #limits: ValueLimits;
  #pendingRows = 0;
  #pendingBytes = 0;

  constructor(rows: ValueRows, limits: ValueLimits) {
    this.#rows = rows;
    this.#limits = limits;
  }

  /**
   * Counts a row that replaces the row `before`, and returns the function that stops counting it. A row that adds
   * nothing always fits. Throws STATE_LIMIT.
   */
  take(rowBytes: number, before: ValueRow | undefined): () => void {
    const rows = before ? 0 : 1;
    const bytes = Math.max(0, rowBytes - (before?.bytes ?? 0));
    const { values, valueRowBytes } = this.#limits;
    check(rows, this.#rows.size + this.#pendingRows + rows, values, 'shared values');
    const all = this.#rows.bytes + this.#pendingBytes + bytes;
    check(bytes, all, valueRowBytes, 'bytes of shared values');
    this.#pendingRows += rows;
    this.#pendingBytes += bytes;
    return () => {
      this.#pendingRows -= rows;
      this.#pendingBytes -= bytes;
    };
  }

  /** Bytes of the rows that are checked and not stored yet. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }
}

function check(more: number, count: number, limit: number, what: string): void {
  if (more === 0 || count <= limit) return;
  const message = `the limit is reached: a network has at most ${limit} ${what}; delete values, or give them a TTL`;
  throw new KelpieError('STATE_LIMIT', message, { limit: String(limit) }, { retryAfterMs: 1000 });
}
