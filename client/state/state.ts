/** `client.state`: the values that the programs of a network share. */
import { callback } from '../core/arguments.js';
import type { Clock } from '../core/clock.js';
import type { Link } from '../connection/link.js';
import type { Answer } from '../connection/requests.js';
import { fromThrown, KelpieError, typed } from '../errors.js';
import type { MessageContent } from '../events/content.js';
import { bucketOf, patternOf, placeOf, topicOf, type ValuePlace } from '../core/value-place.js';
import type { Lock } from './lock.js';
import { type LockOptions, Locks } from './locks.js';
import {
  checkedDeletion,
  checkedPut,
  deletionOf,
  type NodePutOptions,
  type PutOptions,
  putOf,
  type WriteOptions,
} from './value.js';
import { type SharedValue, valueOf } from '../events/shared-value.js';
import type { ValueHandler } from './watch.js';
import type { ValueWatch } from './watches.js';

/** The functions that the state gets from the client. */
export interface StateParts {
  readonly clock: Clock;
  readonly name: () => string;
  /** Throws the error that ended the client, or UNAVAILABLE while no session is open. */
  readonly link: () => Link;
  readonly graceMs: () => number;
  /** Throws PATTERN_LIMIT or HELLO_TOO_LARGE. */
  readonly watch: (
    pattern: string,
    handler: ValueHandler,
    onLoaded?: (sequence: number) => void,
  ) => ValueWatch;
}

export class State {
  readonly #parts: StateParts;
  /** @internal */
  readonly locks: Locks;

  /** @internal */
  constructor(parts: StateParts) {
    this.#parts = parts;
    this.locks = new Locks({
      ...parts,
      get: (place) => this.#get(place),
      put: (place, value, options) => this.#put(place, value, options, parts.name()),
      delete: (place, options) => this.#delete(place, options),
      watch: (place, handler, onLoaded) => parts.watch(topicOf(place), handler, onLoaded),
    });
  }

  /**
   * Gets a value; undefined if it is absent. Rejects with KEY_INVALID, VALUE_INVALID, or UNAVAILABLE while no
   * coordinator is connected.
   */
  async get(bucket: string, key: string): Promise<SharedValue | undefined> {
    return this.#get(typed(() => placeOf(bucket, key)));
  }

  /**
   * Stores a value: text, bytes, or JSON, of at most 64 KiB. Resolves with its sequence. Rejects with SEQUENCE_CONFLICT
   * if the value or the guard has another sequence than the writer expects; with STATE_LIMIT, PAYLOAD_TOO_LARGE,
   * CONTENT_TOO_DEEP, KEY_INVALID, VALUE_INVALID or OUT_OF_RANGE; with STALE_GENERATION once the node has a newer
   * stream. After UNAVAILABLE or OUTCOME_UNKNOWN the value may be stored: read it again before another put.
   *
   * @example
   * const { sequence } = await kelpie.state.put('maps', 'arena', { name: 'Castle' });
   * await kelpie.state.put('maps', 'arena', { name: 'Harbor' }, { expect: sequence });
   */
  async put(
    bucket: string,
    key: string,
    value: MessageContent,
    options: NodePutOptions = {},
  ): Promise<{ readonly sequence: number }> {
    const place = typed(() => placeOf(bucket, key));
    const { bound = false, ...conditions } = typed(() => ({ ...checkedPut(options) }));
    const owner = bound ? this.#parts.name() : '';
    return { sequence: await this.#put(place, value, conditions, owner) };
  }

  /**
   * Deletes a value. Rejects with VALUE_NOT_FOUND, SEQUENCE_CONFLICT, KEY_INVALID, VALUE_INVALID, OUT_OF_RANGE or
   * STALE_GENERATION. After UNAVAILABLE or OUTCOME_UNKNOWN the value may be deleted.
   */
  async delete(bucket: string, key: string, options: WriteOptions = {}): Promise<void> {
    const place = typed(() => placeOf(bucket, key));
    await this.#delete(
      place,
      typed(() => ({ ...checkedDeletion(options) })),
    );
  }

  /**
   * Calls the handler with the values that are there, and then with each change, one at a time: of one value, or of
   * all values of a bucket for the key `*`. It works over reconnects: after a Gap or a new epoch the handler gets what
   * is different. While it runs, further changes of one value become one. Throws KEY_INVALID, VALUE_INVALID,
   * PATTERN_LIMIT or HELLO_TOO_LARGE.
   *
   * @example
   * kelpie.state.watch('maps', '*', ({ key, value, ended }) => console.log(key, ended ?? value));
   */
  watch(bucket: string, key: string, handler: ValueHandler): ValueWatch {
    return typed(() => {
      const pattern = key === '*' ? patternOf(bucketOf(bucket)) : topicOf(placeOf(bucket, key));
      callback('the handler', handler);
      return this.#parts.watch(pattern, handler);
    });
  }

  /**
   * Gets a lock: a value that is bound to this process. Waits while another caller has it. Rejects with LOCK_HELD after
   * `waitMs`, with UNAVAILABLE if no coordinator was connected meanwhile, and with KEY_INVALID, VALUE_INVALID,
   * OUT_OF_RANGE, STATE_LIMIT or CLOSED.
   *
   * @example
   * const lock = await kelpie.state.lock('locks', 'shop');
   * try {
   *   await kelpie.state.put('shop', 'stock', { gems: 12 }, { guard: lock.guard });
   * } finally {
   *   await lock.release();
   * }
   */
  async lock(bucket: string, key: string, options: LockOptions = {}): Promise<Lock> {
    const place = typed(() => placeOf(bucket, key));
    return this.locks.lock(
      place,
      typed(() => ({ ...options })),
    );
  }

  async #get(place: ValuePlace): Promise<SharedValue | undefined> {
    try {
      const answer = await this.#parts.link().request({ $case: 'getValue', value: place });
      const value = answer.$case === 'value' ? answer.value.value : undefined;
      return value && valueOf(value);
    } catch (error) {
      if (fromThrown(error).reason === 'VALUE_NOT_FOUND') return undefined;
      throw error;
    }
  }

  async #put(
    place: ValuePlace,
    content: MessageContent,
    options: PutOptions,
    owner: string,
  ): Promise<number> {
    const value = typed(() => putOf(place, content, options, owner));
    return sequenceIn(await this.#parts.link().request({ $case: 'putValue', value }));
  }

  async #delete(place: ValuePlace, options: WriteOptions): Promise<void> {
    const value = typed(() => deletionOf(place, options));
    await this.#parts.link().request({ $case: 'deleteValue', value });
  }
}

function sequenceIn(answer: Answer): number {
  if (answer.$case === 'valueStored') return answer.value.sequence;
  throw new KelpieError('PROTOCOL', 'the coordinator answered a put with another frame');
}
