/** Reads rows of a Snapshot. */
import type { Row } from '../../../gen/ts/kelpie/v1/stream.js';

/** The name of the node in a row; undefined for a row of another kind. */
export function nodeIn(resource: Row['resource']): string | undefined {
  return resource?.$case === 'node' ? resource.value.name : undefined;
}
