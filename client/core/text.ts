/** Cuts text by code points, as the coordinator does: half of a surrogate pair would arrive as another character. */

/** At most this many code points of the text, well formed. */
export function cutText(text: string, codePoints: number): string {
  // A code point has one or two units, so the units after these are never part of the result.
  const letters = Array.from(text.slice(0, 2 * codePoints));
  return letters.slice(0, codePoints).join('').toWellFormed();
}
