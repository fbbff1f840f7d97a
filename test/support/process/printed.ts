/** The characters that a text on a terminal may have, by their numbers, and independent of the programs' own rule. */

const RANGES: readonly (readonly [first: number, last: number])[] = [
  [0x00, 0x1f],
  [0x7f, 0x9f],
  // Zero width and direction marks; line and paragraph separators, embeddings and overrides.
  [0x200b, 0x200f],
  [0x2028, 0x202e],
  // Joiners and isolates.
  [0x2060, 0x206f],
  // Halves of surrogate pairs; a pair is one code point.
  [0xd800, 0xdfff],
  [0xfeff, 0xfeff],
];

/** Whether the text stays on its line, and hides nothing. */
export function isPrintable(line: string): boolean {
  return Array.from(line).every((character) => {
    const code = character.codePointAt(0) ?? 0;
    return RANGES.every(([first, last]) => code < first || code > last);
  });
}

/** The lines of a printed text that are not printable. */
export function unprintableLines(text: string): string[] {
  return text.split('\n').filter((line) => !isPrintable(line));
}
