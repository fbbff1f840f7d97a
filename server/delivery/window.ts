/** Counts events that were sent and are not acknowledged. Pure. */
import { KelpieError } from '../core/errors.js';

/** How much may be outstanding. A single event always may, however large. */
export interface WindowSize {
  readonly events: number;
  readonly bytes: number;
}

export const defaultWindow: WindowSize = { events: 4096, bytes: 1024 * 1024 };

/** For readers that gRPC's own flow control holds back. */
export const unlimitedWindow: WindowSize = { events: Infinity, bytes: Infinity };

interface Outstanding {
  readonly sequence: number;
  readonly events: number;
  readonly bytes: number;
}

export class Window {
  readonly #size: WindowSize;
  #batches: Outstanding[] = [];
  #events = 0;
  #bytes = 0;
  #acknowledged = 0;
  /** The next batch did not fit; no batch is tried before an acknowledgement. */
  #full = false;

  constructor(size: WindowSize) {
    this.#size = size;
  }

  /** Whether another batch may go out. */
  get open(): boolean {
    if (this.#batches.length === 0) return true;
    return !this.#full && this.#events < this.#size.events && this.#bytes < this.#size.bytes;
  }

  /** Whether so much does not exceed what is left. */
  fits(events: number, bytes: number): boolean {
    return this.#events + events <= this.#size.events && this.#bytes + bytes <= this.#size.bytes;
  }

  /** The limits of a batch that is to fit; a single event may exceed them. */
  left({ events, bytes }: WindowSize): WindowSize {
    return {
      events: Math.min(events, this.#size.events - this.#events),
      bytes: Math.min(bytes, this.#size.bytes - this.#bytes),
    };
  }

  /** Whether a batch may go out that was made to fit. If not, none may until an acknowledgement. */
  admits(events: number, bytes: number): boolean {
    this.#full = this.#batches.length > 0 && !this.fits(events, bytes);
    return !this.#full;
  }

  /** Bytes that were sent and not acknowledged. */
  get bytes(): number {
    return this.#bytes;
  }

  /** A batch went out that ends at `sequence`. */
  sent(sequence: number, events: number, bytes: number): void {
    if (this.#size.events === Infinity) return;
    this.#batches.push({ sequence, events, bytes });
    this.#events += events;
    this.#bytes += bytes;
  }

  /** Takes batches off up to the one that ends at `sequence`. Throws ACK_INVALID. */
  acknowledge(sequence: number): void {
    if (sequence === this.#acknowledged) return;
    const index = this.#batches.findIndex((batch) => batch.sequence === sequence);
    if (index < 0) {
      throw new KelpieError(
        'ACK_INVALID',
        `${sequence} ends no outstanding batch; acknowledge the up_to of a batch that was received`,
        { sequence: String(sequence) },
      );
    }
    for (const batch of this.#batches.splice(0, index + 1)) {
      this.#events -= batch.events;
      this.#bytes -= batch.bytes;
    }
    this.#full = false;
    this.#acknowledged = sequence;
  }
}
