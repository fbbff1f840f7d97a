/**
 * The only place in the server that cuts text of peers, and the only place that folds names to compare them.
 * Text is cut between code points, and the result is well formed: half of a surrogate pair in a status message
 * would make the transport throw.
 */

/** The first `codePoints` code points of a text, well formed. */
export function cutText(text: string, codePoints: number): string {
  // A code point has at most two units, so later units cannot be part of the result.
  const candidates = text.slice(0, 2 * codePoints);
  let units = 0;
  let counted = 0;
  for (const codePoint of candidates) {
    if (counted++ === codePoints) break;
    units += codePoint.length;
  }
  return candidates.slice(0, units).toWellFormed();
}

/** As much of a text as fits into `bytes` bytes of UTF-8, well formed. */
export function cutBytes(text: string, bytes: number): string {
  // A unit needs at least one byte, so later units cannot fit. If the slice splits a pair, its half becomes three
  // bytes at the end, which do not fit either.
  const encoded = Buffer.from(text.slice(0, bytes));
  let end = Math.min(bytes, encoded.length);
  while (end > 0 && isContinuation(encoded[end])) end--;
  return encoded.toString('utf8', 0, end);
}

function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80;
}

/**
 * The form in which names are compared: without case. The client has the same function, and a test holds both
 * equal. It lowers and then raises the case, because some letters have more than one small form or more than one
 * capital. It decomposes letters, so that the beginning of a name folds to the beginning of the folded name.
 */
export function folded(name: string): string {
  return name.normalize('NFD').toLowerCase().toUpperCase().normalize('NFD');
}
