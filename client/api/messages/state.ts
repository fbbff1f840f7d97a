/** StateService: shared values, as messages of the contract. */
import type { StateValue } from '../../../gen/ts/kelpie/v1/event.js';
import {
  type ListValuesResponse,
  type PutValueResponse,
  StateServiceDefinition,
} from '../../../gen/ts/kelpie/v1/state_service.js';
import { text } from '../../core/arguments.js';
import { known } from '../../core/known.js';
import { KelpieError } from '../../errors.js';
import type { MessageContent } from '../../events/content.js';
import { bucketOf, placeOf } from '../../core/value-place.js';
import {
  checkedDeletion,
  deletionOf,
  type PutOptions,
  putOf,
  type WriteOptions,
} from '../../state/value.js';
import { type CallOptions, callOptions, type CreateService, type Service } from '../call.js';
import { type PageOptions, pageSizeOf } from '../paging.js';

/** Which values a list has. */
export interface ValueFilter {
  /** Only values of this bucket. Default: of all buckets. */
  readonly bucket?: string;
  /** The beginning of the keys. It needs a bucket. */
  readonly keyPrefix?: string;
}

/** The options of a put by a call. */
export interface CallPutOptions extends PutOptions {
  /** The name of a node: the value ends with the presence of its present process. Default: the value has no owner. */
  readonly owner?: string;
}

/** The calls of `api.state`, with answers as the contract has them. */
export class StateMessages {
  readonly #service: Service<typeof StateServiceDefinition>;

  /** @internal */
  constructor(create: CreateService) {
    this.#service = create(StateServiceDefinition);
  }

  async list(
    filter: ValueFilter & PageOptions = {},
    options: CallOptions = {},
  ): Promise<ListValuesResponse> {
    const fields = { bucket: 1, keyPrefix: 1, pageSize: 1, pageToken: 1 };
    const {
      bucket,
      keyPrefix = '',
      pageSize,
      pageToken = '',
    } = known('the filter', filter, fields);
    const request = {
      bucket: bucket === undefined ? '' : bucketOf(bucket),
      keyPrefix: text('keyPrefix', keyPrefix),
      pageSize: pageSizeOf(pageSize),
      pageToken: text('pageToken', pageToken),
    };
    return this.#service.listValues(request, callOptions(options));
  }

  async get(bucket: string, key: string, options: CallOptions = {}): Promise<StateValue> {
    const { value } = await this.#service.getValue(placeOf(bucket, key), callOptions(options));
    if (value) return value;
    throw new KelpieError('PROTOCOL', 'the coordinator answered without the value');
  }

  async put(
    bucket: string,
    key: string,
    value: MessageContent,
    put: CallPutOptions = {},
    options: CallOptions = {},
  ): Promise<PutValueResponse> {
    const fields = { expect: 1, guard: 1, ttlMs: 1, owner: 1 };
    const { owner = '', ...conditions } = known('the options object of put', put, fields);
    const request = putOf(placeOf(bucket, key), value, conditions, text('owner', owner));
    return this.#service.putValue(request, callOptions(options));
  }

  async delete(
    bucket: string,
    key: string,
    conditions: WriteOptions = {},
    options: CallOptions = {},
  ): Promise<void> {
    const request = deletionOf(placeOf(bucket, key), checkedDeletion(conditions));
    await this.#service.deleteValue(request, callOptions(options));
  }
}
