/** Lists of shared values. */
import { type StateValue } from '../../gen/ts/kelpie/v1/event.js';
import type { ListValuesRequest } from '../../gen/ts/kelpie/v1/state_service.js';
import type { Listing } from '../network/pages.js';
import { nameBefore } from './keys.js';
import type { ValueRows } from './rows.js';

/** The bytes that an answer takes for a value beside those of its row, such as its sequence. */
const MORE_BYTES = 32;

/** A value on a list. */
interface Listed {
  readonly value: StateValue;
  readonly bytes: number;
}

/** The values that a request selects, by the names of their rows. Throws KEY_INVALID. */
export function listingOf(
  rows: ValueRows,
  { bucket, keyPrefix }: Pick<ListValuesRequest, 'bucket' | 'keyPrefix'>,
): Listing<Listed> {
  const beginning = nameBefore(bucket, keyPrefix);
  const { names } = rows.table;
  return {
    *after(last) {
      // Only names behind the last one, or the first names of all.
      if (last === '' && rows.get(beginning)) yield beginning;
      for (const name of names.after(last === '' ? beginning : last)) {
        if (!name.startsWith(beginning)) return;
        yield name;
      }
    },
    item(name) {
      const row = rows.get(name);
      if (!row) return undefined;
      const { value, sequence } = row;
      return { value: { ...value.value, sequence }, bytes: value.bytes + MORE_BYTES };
    },
    bytesOf: ({ bytes }) => bytes,
  };
}
