/**
 * Text that peers wrote is cut here and nowhere else: by code points, and what comes out is well formed.
 * Half of a surrogate pair in a status message would make the transport throw. And names are compared
 * here and nowhere else in the server.
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

/** At most so many bytes of a text as UTF-8, well formed. */
export function cutBytes(text: string, bytes: number): string {
  // A unit has at least one byte. Half of a pair becomes three bytes, which are out where a pair was cut.
  const encoded = Buffer.from(text.slice(0, bytes));
  let end = Math.min(bytes, encoded.length);
  while (end > 0 && isContinuation(encoded[end])) end--;
  return encoded.toString('utf8', 0, end);
}

function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80;
}

/**
 * The form in which names are compared: without case. The same text stands in the client, and a test
 * holds both equal. Down and up again, because some letters have more than one small form or more than
 * one capital; taken apart, so that the beginning of a name is the beginning of its form.
 */
export function folded(name: string): string {
  return name.normalize('NFD').toLowerCase().toUpperCase().normalize('NFD');
}
