/** A Snapshot in parts, each made when it is pulled: memory for one part, however many rows. */
import { Row, type Snapshot } from '../../gen/ts/kelpie/v1/stream.js';
import type { Cursor } from '../core/cursor.js';
import type { TopicFilter } from '../core/topic-filter.js';
import type { Network } from '../domain/network.js';
import { encodeFrame, type FramePart } from './frames.js';

const PART_ROWS = 256;
const PART_BYTES = 64 * 1024;

/** The encoded frames of a snapshot; at least one, the last of them marked. */
export function* snapshotParts(
  network: Network,
  filter: TopicFilter,
  cursor: Cursor,
): Generator<FramePart> {
  let part: Snapshot = { cursor, topics: [...filter.patterns], rows: [], complete: false };
  let bytes = 0;
  for (const row of network.resources(filter)) {
    const size = Row.encode(row).finish().length;
    if (part.rows.length === PART_ROWS || (part.rows.length > 0 && bytes + size > PART_BYTES)) {
      yield encodeFrame({ $case: 'snapshot', value: part });
      part = { cursor: undefined, topics: [], rows: [], complete: false };
      bytes = 0;
    }
    part.rows.push(row);
    bytes += size;
  }
  yield encodeFrame({ $case: 'snapshot', value: { ...part, complete: true } });
}
