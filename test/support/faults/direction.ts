/** One direction of a connection through the fault proxy. It keeps the order of all bytes, and loses none while it holds. */
import { performance } from 'node:perf_hooks';
import type { Socket } from 'node:net';

/** The rules of one direction. */
export interface Rules {
  /** Each byte arrives so much later. */
  readonly delayMs?: number;
  /** At most so many bytes pass in a second. */
  readonly bytesPerSecond?: number;
  /**
   * Passes nothing, in silence, as a network that loses all packets: no end of a connection arrives either. Bytes that were sent
   * meanwhile arrive after the rule has ended, as TCP sends it again then.
   */
  readonly drop?: boolean;
}

/** Bytes or an end that a peer sent, and when. */
type Sent = { readonly atMs: number } & (
  | { readonly kind: 'bytes'; readonly bytes: Buffer }
  /** Its end of the stream, in order or by a reset. */
  | { readonly kind: 'end' | 'reset' }
);

/** Above this the sender is not read, and has to wait. */
const HELD_BYTES = 256 * 1024;
/** A throttled direction passes its bytes in so many pieces a second. */
const PIECES = 20;

export class Direction {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #rules: () => Rules;
  readonly #held: Sent[] = [];
  #heldBytes = 0;
  #timer: NodeJS.Timeout | undefined;
  /** When a throttled direction may pass the next piece. */
  #freeAtMs = 0;

  constructor(from: Socket, to: Socket, rules: () => Rules) {
    this.#from = from;
    this.#to = to;
    this.#rules = rules;
    from.on('data', (bytes: Buffer) => {
      this.#heldBytes += bytes.length;
      this.#take({ kind: 'bytes', bytes, atMs: performance.now() });
    });
    from.on('end', () => this.#take({ kind: 'end', atMs: performance.now() }));
    from.on('error', () => {
      // A peer that resets a connection forgets what it did not get through.
      this.#held.splice(0);
      this.#heldBytes = 0;
      this.#take({ kind: 'reset', atMs: performance.now() });
    });
    to.on('drain', () => this.flow());
    to.on('close', () => {
      clearTimeout(this.#timer);
      // Nobody reads any more what this end sends.
      if (!this.#rules().drop) from.destroy();
    });
  }

  #take(sent: Sent): void {
    this.#held.push(sent);
    this.flow();
    if (this.#heldBytes > HELD_BYTES) this.#from.pause();
  }

  /** Passes what the rules allow now. */
  flow(): void {
    clearTimeout(this.#timer);
    for (let sent = this.#held[0]; sent !== undefined; sent = this.#held[0]) {
      const { delayMs = 0, drop } = this.#rules();
      if (drop || this.#to.destroyed || this.#to.writableNeedDrain) return;
      const waitMs = Math.max(sent.atMs + delayMs, this.#freeAtMs) - performance.now();
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.flow(), waitMs);
        return;
      }
      this.#held.shift();
      this.#pass(sent);
    }
    if (!this.#from.destroyed) this.#from.resume();
  }

  #pass(sent: Sent): void {
    if (sent.kind === 'end') this.#to.end();
    if (sent.kind === 'reset') this.#to.resetAndDestroy();
    if (sent.kind !== 'bytes') return;
    const { bytesPerSecond } = this.#rules();
    const most = bytesPerSecond === undefined ? Infinity : Math.ceil(bytesPerSecond / PIECES);
    const bytes = sent.bytes.subarray(0, most);
    if (bytes.length < sent.bytes.length)
      this.#held.unshift({ ...sent, bytes: sent.bytes.subarray(most) });
    if (bytesPerSecond !== undefined)
      this.#freeAtMs = performance.now() + (bytes.length / bytesPerSecond) * 1000;
    this.#heldBytes -= bytes.length;
    this.#to.write(bytes);
  }
}
