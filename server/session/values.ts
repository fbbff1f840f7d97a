/** The requests of one session about shared values. It writes in the name of its node. */
import {
  type DeleteValueRequest,
  type GetValueRequest,
  PutValueRequest,
} from '../../gen/ts/kelpie/v1/state_service.js';
import { Latch } from '../core/latch.js';
import type { Frame } from '../delivery/frames.js';
import type { SharedValues } from '../state/values.js';
import type { ValueWriter } from '../state/owner.js';
import type { SessionServices } from './services.js';

/** Bytes of writes under way, above which the session takes no more. */
const WRITE_BYTES = 1024 * 1024;
/** About the memory of a write beside its bytes. */
const OVERHEAD_BYTES = 512;

export class ValueRequests {
  readonly #network: SessionServices['network'];
  readonly #values: SharedValues;
  readonly #writer: ValueWriter;
  #writeBytes = 0;
  readonly #room = new Latch();

  constructor({ network, values }: SessionServices, writer: ValueWriter) {
    this.#network = network;
    this.#values = values;
    this.#writer = writer;
  }

  /** Resolves when there may be room for a write; undefined if there is. */
  room(): Promise<void> | undefined {
    return this.#writeBytes >= WRITE_BYTES ? this.#room.wait() : undefined;
  }

  /** Throws the errors that the contract lists at GetValue. */
  async get(request: GetValueRequest): Promise<() => Frame> {
    const value = this.#values.get(request);
    return () => ({ $case: 'value', value });
  }

  /** Throws the errors that the contract lists at PutValue. */
  async put(request: PutValueRequest): Promise<() => Frame> {
    const bytes = PutValueRequest.encode(request).finish().length;
    const sequence = await this.#weighed(bytes, this.#values.put(request, this.#writer));
    const value = { sequence, cursor: this.#network.head };
    return () => ({ $case: 'valueStored', value });
  }

  /** Throws the errors that the contract lists at DeleteValue. */
  async delete(request: DeleteValueRequest): Promise<void> {
    await this.#weighed(0, this.#values.delete(request, this.#writer));
  }

  async #weighed<Result>(bytes: number, work: Promise<Result>): Promise<Result> {
    const weight = bytes + OVERHEAD_BYTES;
    this.#writeBytes += weight;
    try {
      return await work;
    } finally {
      this.#writeBytes -= weight;
      this.#room.open();
    }
  }
}
