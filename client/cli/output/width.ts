/** How much room a text takes on a terminal. Of texts that are printable; a terminal may differ. */

const WIDE =
  /[\u1100-\u115e\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u;
const MARK = /[\p{Mn}\p{Me}]/u;

/** In columns. */
export function widthOf(text: string): number {
  let width = 0;
  for (const character of text) width += widthOfOne(character);
  return width;
}

/** As much of the beginning as fits into so many columns. */
export function cutToWidth(text: string, columns: number): string {
  let width = 0;
  let units = 0;
  for (const character of text) {
    width += widthOfOne(character);
    if (width > columns) break;
    units += character.length;
  }
  return text.slice(0, units);
}

/** With spaces after it, up to so many columns. */
export function padToWidth(text: string, columns: number): string {
  return text + ' '.repeat(Math.max(0, columns - widthOf(text)));
}

function widthOfOne(character: string): number {
  if (character < '\u0300') return 1;
  if (MARK.test(character)) return 0;
  return WIDE.test(character) ? 2 : 1;
}
