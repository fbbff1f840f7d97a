/**
 * Makes a text safe for a terminal, a log and JSON. Characters that a terminal obeys, and characters without a
 * glyph, are written as JSON escapes: controls (C0, DEL, C1), line separators, characters that change the
 * direction of text, characters without width, and halves of surrogate pairs. So a text stays on its line and
 * shows its whole content, and escaped JSON still decodes to the same values.
 *
 * Client and server each have this file, because neither imports the other. A test holds them equal.
 */

/** Variation selectors show nothing either, but they stay: many emoji contain one. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]|(?!\p{VS})\p{DI}/gu;

const SHORT: ReadonlyMap<string, string> = new Map([
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
]);

export function printable(text: string): string {
  return text.replaceAll(UNPRINTABLE, (found) => SHORT.get(found) ?? escaped(found));
}

/** Escapes each UTF-16 unit: a character above U+FFFF has two. */
function escaped(character: string): string {
  const units = character.split('').map((unit) => unit.charCodeAt(0).toString(16));
  return units.map((digits) => `\\u${digits.padStart(4, '0')}`).join('');
}
