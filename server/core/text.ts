/**
 * Text that peers wrote is cut here and nowhere else: by code points, and what comes out is well formed.
 * Half of a surrogate pair in a status message would make the transport throw.
 */

/** At most so many code points of a text, well formed. */
export function cutText(text: string, codePoints: number): string {
  // A code point has one unit or two, so what follows is out in any case, and is not looked at.
  const candidates = text.slice(0, 2 * codePoints);
  let units = 0;
  let counted = 0;
  for (const codePoint of candidates) {
    if (counted++ === codePoints) break;
    units += codePoint.length;
  }
  return candidates.slice(0, units).toWellFormed();
}
