/**
 * A text as it is shown on a terminal, in a log and in JSON: what a terminal obeys, and what has no
 * glyph of its own, is written as JSON escapes it. These are controls (C0, DEL, C1), line separators,
 * what changes the direction of text, what has no width, and halves of surrogate pairs. So a text
 * stays on its line and shows what is in it, and JSON stays the same JSON.
 *
 * Client and server each have this file, because neither imports the other. A test holds them equal.
 */

/** Variation selectors show nothing either, and stay: they are a part of many an emoji. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]|(?!\p{VS})\p{DI}/gu;

const SHORT: ReadonlyMap<string, string> = new Map([
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
]);

export function printable(text: string): string {
  return text.replaceAll(UNPRINTABLE, (found) => SHORT.get(found) ?? escaped(found));
}

/** Each of its units: a character above U+FFFF has two. */
function escaped(character: string): string {
  const units = character.split('').map((unit) => unit.charCodeAt(0).toString(16));
  return units.map((digits) => `\\u${digits.padStart(4, '0')}`).join('');
}
