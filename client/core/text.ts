/** Text is cut by code points, as the coordinator does: half of a surrogate pair would arrive as another letter. */

/** At most so many code points, well formed. */
export function cutText(text: string, codePoints: number): string {
  // A code point has one unit or two, so what follows is out in any case.
  const letters = Array.from(text.slice(0, 2 * codePoints));
  return letters.slice(0, codePoints).join('').toWellFormed();
}
