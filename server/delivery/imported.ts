/**
 * Where an imported history ends. Readers of the epoch before the import have read that history there, so after their
 * gap they go on behind it: no event comes twice.
 */
import { Cursor as WireCursor } from '../../gen/ts/kelpie/v1/cursor.js';
import { type Cursor, sameBytes } from '../core/cursor.js';
import type { JournalGap } from '../journal/journal.js';
import type { Network } from '../network/network.js';
import type { Table } from '../network/table.js';

const PREFIX = 'import/';
const NAME = 'end';

export class ImportedHistory {
  readonly #ends: Table<Cursor>;

  constructor(network: Pick<Network, 'table'>) {
    this.#ends = network.table(PREFIX, { decode: (bytes) => WireCursor.decode(bytes) });
  }

  /** The row that an import writes last. */
  static row(end: Cursor): { readonly key: string; readonly value: Uint8Array } {
    return { key: PREFIX + NAME, value: WireCursor.encode(end).finish() };
  }

  /** The gap that a reader gets for a gap of the journal. */
  gapOf(gap: JournalGap): JournalGap {
    const end = this.#ends.get(NAME)?.value;
    if (gap.reason !== 'EPOCH_CHANGED' || !end) return gap;
    const { epoch, sequence } = gap.resumesAt;
    // The epoch of the import may have ended since.
    return sameBytes(end.epoch, epoch) && end.sequence > sequence
      ? { ...gap, resumesAt: end }
      : gap;
  }
}
