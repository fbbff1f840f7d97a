/**
 * One caller that competes for a lock, and then holds it. A caller that puts the absent value has the lock. The others wait
 * until their watch reports its end. The value has a nonce, by which a caller recognizes a put without an answer.
 */
import { randomBytes } from 'node:crypto';
import type { Cancel, Clock } from '../core/clock.js';
import { fromThrown, KelpieError } from '../errors.js';
import type { MessageContent } from '../events/content.js';
import type { ValuePlace } from '../core/value-place.js';
import { Lock } from './lock.js';
import type { SharedValue, ValueChange } from '../events/shared-value.js';
import type { PutOptions, WriteOptions } from './value.js';
import type { ValueHandler } from './watch.js';
import type { ValueWatch } from './watches.js';

/** The wait before another attempt where no answer came. A new session ends it early. */
const RETRY_MS = 1000;
/** Those who waited for a lock try again within this time, each at another moment. */
const SPREAD_MS = 20;
/** After these errors the request may be carried out, or a later attempt can succeed. */
const AGAIN = [
  ...['UNAVAILABLE', 'OUTCOME_UNKNOWN', 'STALE_GENERATION', 'JOURNAL_READ_ONLY'],
  ...['ENGINE_UNAVAILABLE', 'EPOCH_ENDED'],
];

/** The functions that a contender gets from the client. */
export interface ContenderParts {
  readonly clock: Clock;
  readonly name: () => string;
  readonly get: (place: ValuePlace) => Promise<SharedValue | undefined>;
  /** Puts a value that is bound to this process. Resolves with its sequence. */
  readonly put: (place: ValuePlace, value: MessageContent, options: PutOptions) => Promise<number>;
  readonly delete: (place: ValuePlace, options: WriteOptions) => Promise<void>;
  readonly watch: (
    place: ValuePlace,
    handler: ValueHandler,
    onLoaded: (sequence: number) => void,
  ) => ValueWatch;
}

export class Contender {
  readonly #place: ValuePlace;
  readonly #parts: ContenderParts;
  readonly #ttlMs: number | undefined;
  readonly #nonce = randomBytes(16).toString('hex');
  readonly #timers = new Set<Cancel>();
  #watch: ValueWatch | undefined;
  /** Whether the watch has the value, and the value as it has it. */
  #loaded = false;
  #present: SharedValue | undefined;
  /** The newest change of the watch, and the value that refused the last put: the watch may not have it yet. */
  #seen = 0;
  #refusedBy = 0;
  /** Whether the callers before this one have ended. */
  #first = false;
  #resting = false;
  /** The error of the last put, while no other attempt makes sense. */
  #blocked: KelpieError | undefined;
  /** When the first put began that may have stored the value: the TTL of the lock runs from there. */
  #beganMs = 0;
  /** Whether the coordinator may have stored a value that no lock has. */
  #unsure = false;
  #late = false;
  #failure: KelpieError | undefined;
  #lock: Lock | undefined;
  #news = false;
  #wake = (): void => undefined;
  #end = (): void => undefined;
  /** Resolves when the caller neither waits for the lock, nor holds it, nor deletes its value. */
  readonly ended = new Promise<void>((resolve) => (this.#end = resolve));

  constructor(place: ValuePlace, parts: ContenderParts, waitMs: number, ttlMs?: number) {
    this.#place = place;
    this.#parts = parts;
    this.#ttlMs = ttlMs;
    this.#after(waitMs, () => (this.#late = true));
  }

  /**
   * Resolves with the lock, once the callers before this one have ended. Rejects with LOCK_HELD, or with the error of
   * the last attempt.
   */
  async compete(before: Promise<void>): Promise<Lock> {
    void before.then(() => this.#notice(() => (this.#first = true)));
    try {
      for (;;) {
        await this.#untilNews();
        const lock = await this.#attempt();
        if (lock) return lock;
        if (this.#failure) throw this.#failure;
        if (this.#late) throw this.#blocked ?? this.#heldError();
      }
    } catch (error) {
      this.#stop();
      if (this.#unsure) void this.#repeat(() => this.#abandon());
      else this.#end();
      throw error;
    }
  }

  async #attempt(): Promise<Lock | undefined> {
    if (this.#present && this.#isMine(this.#present)) return this.#won(this.#present.sequence);
    if (!this.#mayPut()) return undefined;
    // The value may be that of an earlier put without an answer.
    if (!this.#unsure) this.#beganMs = this.#parts.clock.now();
    const sequence = await this.#put().catch((error: unknown) => this.#refused(fromThrown(error)));
    this.#unsure ||= sequence !== undefined;
    if (this.#failure) throw this.#failure;
    this.#watch ??= this.#parts.watch(this.#place, this.#take, this.#load);
    return sequence === undefined ? undefined : this.#won(sequence);
  }

  #put(): Promise<number> {
    const value = { holder: this.#parts.name(), nonce: this.#nonce };
    const options = this.#ttlMs === undefined ? {} : { ttlMs: this.#ttlMs };
    return this.#parts.put(this.#place, value, { expect: 0, ...options });
  }

  /** The first attempt needs no watch, since most locks are free. A later one waits until the watch has no value. */
  #mayPut(): boolean {
    if (!this.#first || this.#failure || this.#blocked || this.#resting) return false;
    const free = this.#loaded && !this.#present && this.#seen >= this.#refusedBy;
    return free || !this.#watch;
  }

  /** Throws the error if no other attempt can succeed. */
  #refused(error: KelpieError): undefined {
    if (error.reason === 'SEQUENCE_CONFLICT') {
      this.#refusedBy = Number(error.metadata['sequence'] ?? 0);
      return;
    }
    if (!AGAIN.includes(error.reason)) throw error;
    this.#unsure = true;
    this.#blocked = error;
    this.#after(RETRY_MS, () => (this.#blocked = undefined));
  }

  #won(sequence: number): Lock {
    this.#cancelTimers();
    const token = { ...this.#place, sequence };
    const free = async (): Promise<void> => this.#repeat(() => this.#delete(sequence));
    const lock = new Lock(token, { free, close: () => this.#stop() });
    this.#lock = lock;
    this.#unsure = false;
    if (this.#ttlMs !== undefined) {
      const leftMs = this.#beganMs + this.#ttlMs - this.#parts.clock.now();
      this.#after(Math.max(0, leftMs), () => this.lose());
    }
    if ((this.#present?.sequence ?? 0) > sequence) this.lose();
    else if (this.#seen > sequence) this.#verify();
    return lock;
  }

  readonly #take = (change: ValueChange): void => {
    this.#seen = Math.max(this.#seen, change.sequence);
    this.#present = change.ended === undefined ? change : undefined;
    const token = this.#lock?.token;
    if (token !== undefined) {
      if (change.ended === 'UNKNOWN') this.#verify();
      else if (change.sequence > token) this.lose();
      return;
    }
    if (change.ended === undefined) return this.#notice(() => undefined);
    // All who wait hear of the end at the same time.
    this.#resting = true;
    this.#after(SPREAD_MS * this.#parts.clock.random(), () => (this.#resting = false));
  };

  /** All values up to the position of the Snapshot are known: the value may have ended before the watch began. */
  readonly #load = (sequence: number): void => {
    this.#seen = Math.max(this.#seen, sequence);
    if (this.#lock && this.#present?.sequence !== this.#lock.token) this.#verify();
    this.#notice(() => (this.#loaded = true));
  };

  /** Asks whether the value of the lock is still there. */
  #verify(): void {
    void this.#parts.get(this.#place).then(
      (value) => {
        if (value?.sequence !== this.#lock?.token) this.lose();
      },
      // The next session asks again, or the grace ends.
      () => undefined,
    );
  }

  /** A session is open. `resumed`: the presence of the process goes on. */
  connected(resumed: boolean): void {
    // A new epoch may begin with lower sequences.
    this.#refusedBy = 0;
    if (!this.#lock?.held()) this.#notice(() => (this.#blocked = undefined));
    else if (resumed) this.#verify();
    else this.lose();
  }

  /** The presence of the process has ended. */
  lose(): void {
    if (!this.#lock?.held()) return;
    this.#lock.lose();
    this.#end();
  }

  /** The client has ended. */
  fail(error: KelpieError): void {
    this.lose();
    this.#notice(() => (this.#failure = error));
  }

  #isMine({ value }: SharedValue): boolean {
    return (value as { readonly nonce?: unknown }).nonce === this.#nonce;
  }

  async #delete(expect: number): Promise<void> {
    try {
      await this.#parts.delete(this.#place, { expect });
    } catch (error) {
      const { reason } = fromThrown(error);
      if (reason !== 'VALUE_NOT_FOUND' && reason !== 'SEQUENCE_CONFLICT') throw error;
    }
  }

  /** Deletes the value of a put whose answer did not come. */
  async #abandon(): Promise<void> {
    const value = await this.#parts.get(this.#place);
    if (value && this.#isMine(value)) await this.#delete(value.sequence);
  }

  /** Repeats the work until it is done, or until the client ends: then the value ends with the process. */
  async #repeat(work: () => Promise<void>): Promise<void> {
    while (!this.#failure) {
      this.#news = false;
      try {
        await work();
        break;
      } catch (error) {
        if (!AGAIN.includes(fromThrown(error).reason)) break;
      }
      this.#after(RETRY_MS, () => undefined);
      await this.#untilNews();
      this.#cancelTimers();
    }
    this.#end();
  }

  #after(delayMs: number, change: () => void): void {
    const cancel = this.#parts.clock.after(delayMs, () => {
      this.#timers.delete(cancel);
      this.#notice(change);
    });
    this.#timers.add(cancel);
  }

  #notice(change: () => void): void {
    change();
    this.#news = true;
    this.#wake();
  }

  async #untilNews(): Promise<void> {
    if (!this.#news) await new Promise<void>((resolve) => (this.#wake = resolve));
    this.#news = false;
  }

  #cancelTimers(): void {
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
  }

  #stop(): void {
    this.#cancelTimers();
    this.#watch?.close();
  }

  #heldError(): KelpieError {
    const { bucket, key } = this.#place;
    const holder = this.#present?.owner ?? '';
    const message = `another caller has the lock "${key}" of bucket "${bucket}"; wait longer, or try again later`;
    return new KelpieError('LOCK_HELD', message, { metadata: { bucket, key, holder } });
  }
}
