/** How long to wait before the next attempt. Pure, but for the dice that are handed in. */

/** Waits grow from here. */
const FIRST_MS = 500;

/**
 * Full jitter: any time up to a bound that doubles, so that a thousand nodes that lost the same
 * coordinator do not come back in step. The first attempt goes out at once.
 *
 * @param attempt 0 for the first one after a healthy stream
 * @param mostMs  the bound stops growing here
 */
export function backoffMs(attempt: number, mostMs: number, random: () => number): number {
  if (attempt === 0) return 0;
  return random() * Math.min(mostMs, FIRST_MS * 2 ** Math.min(attempt - 1, 30));
}
