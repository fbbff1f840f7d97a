/** StateService: the values that the programs of a network share. */
import type { Cursor } from '../../gen/ts/kelpie/v1/cursor.js';
import { fromThrown } from '../errors.js';
import type { MessageContent } from '../events/content.js';
import { type SharedValue, valueOf } from '../events/shared-value.js';
import type { WriteOptions } from '../state/value.js';
import type { CallOptions } from './call.js';
import type { CallPutOptions, StateMessages, ValueFilter } from './messages/state.js';
import { type PageOptions, pagesOf } from './paging.js';

/** A page of values. */
export interface ValuePage {
  /** In the order of their topics. */
  readonly values: readonly SharedValue[];
  /** The `pageToken` of the next page; empty if this is the last one. */
  readonly nextPageToken: string;
  /** Watching `state.>` after the cursor of the first page misses nothing. */
  readonly cursor: Cursor | undefined;
}

/** The calls for shared values. A call writes for no node, so no session protects it: use `expect` or `guard`. */
export class StateApi {
  readonly #messages: StateMessages;

  /** @internal */
  constructor(messages: StateMessages) {
    this.#messages = messages;
  }

  /** One page of the values that match; without a filter, of all. Keep the filter the same on every page. */
  async list(
    filter: ValueFilter & PageOptions = {},
    options: CallOptions = {},
  ): Promise<ValuePage> {
    const { values, nextPageToken, cursor } = await this.#messages.list(filter, options);
    return { values: values.map((value) => valueOf(value)), nextPageToken, cursor };
  }

  /** All pages. Each has the cursor of the first one. */
  pages(
    filter: ValueFilter & { readonly pageSize?: number } = {},
    options: CallOptions = {},
  ): AsyncGenerator<ValuePage, void> {
    return pagesOf((pageToken) => this.list({ ...filter, pageToken }, options));
  }

  /** All values that match. */
  async *all(
    filter: ValueFilter = {},
    options: CallOptions = {},
  ): AsyncGenerator<SharedValue, void> {
    for await (const { values } of this.pages({ ...filter, pageSize: 1000 }, options))
      yield* values;
  }

  /** One value; undefined if it is absent. Rejects with KEY_INVALID. */
  async get(
    bucket: string,
    key: string,
    options: CallOptions = {},
  ): Promise<SharedValue | undefined> {
    try {
      return valueOf(await this.#messages.get(bucket, key, options));
    } catch (error) {
      if (fromThrown(error).reason === 'VALUE_NOT_FOUND') return undefined;
      throw error;
    }
  }

  /**
   * Stores a value. Resolves with its sequence. Rejects as `client.state.put` does, and with NODE_NOT_FOUND for an
   * owner who is not there. After CALL_TIMEOUT, UNAVAILABLE or OUTCOME_UNKNOWN the value may be stored: read it again.
   */
  async put(
    bucket: string,
    key: string,
    value: MessageContent,
    put: CallPutOptions = {},
    options: CallOptions = {},
  ): Promise<{ readonly sequence: number }> {
    const { sequence } = await this.#messages.put(bucket, key, value, put, options);
    return { sequence };
  }

  /** Deletes a value. Rejects with VALUE_NOT_FOUND, SEQUENCE_CONFLICT, OUT_OF_RANGE or KEY_INVALID. */
  async delete(
    bucket: string,
    key: string,
    conditions: WriteOptions = {},
    options: CallOptions = {},
  ): Promise<void> {
    await this.#messages.delete(bucket, key, conditions, options);
  }
}
