/** Cuts what is too much for one frame. */

/** In order, each part with at most so many and, unless it is one alone, so many bytes. */
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
