/** Splits a list into parts that each fit in a frame. */

/**
 * The parts in the order of the list. Each has at most `mostItems` items and at most `mostBytes` bytes; an item that is
 * larger is a part of its own.
 */
export function inParts<T>(
  all: readonly T[],
  sizeOf: (one: T) => number,
  mostItems: number,
  mostBytes: number,
): T[][] {
  const parts: T[][] = [];
  let part: T[] = [];
  let bytes = 0;
  for (const one of all) {
    const size = sizeOf(one);
    if (part.length === mostItems || (part.length > 0 && bytes + size > mostBytes)) {
      parts.push(part);
      [part, bytes] = [[], 0];
    }
    part.push(one);
    bytes += size;
  }
  if (part.length > 0) parts.push(part);
  return parts;
}
