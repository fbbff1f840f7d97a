/** Proposes the name that a user probably meant when they mistyped one. */

/** The candidate with the fewest letters to change (Levenshtein's distance). */
export function nearest(name: string, candidates: readonly string[]): string {
  const distances = candidates.map((one) => ({ one, distance: distance(name, one) }));
  return distances.sort((left, right) => left.distance - right.distance)[0]?.one ?? '';
}

function distance(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let i = 1; i <= left.length; i++) {
    const next = [i];
    for (let j = 1; j <= right.length; j++) {
      const change = (row[j - 1] ?? 0) + (left[i - 1] === right[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
