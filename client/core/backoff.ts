/** How long to wait before the next attempt. Pure: the caller brings the random numbers. */

/** The upper bound of the first wait. */
const FIRST_MS = 500;

/**
 * Full jitter: a random time up to a bound that doubles with each attempt. So a thousand nodes that lost the same
 * coordinator do not all come back at the same moment. The first attempt does not wait.
 *
 * @param attempt 0 for the first attempt after a healthy stream
 * @param mostMs  the largest bound
 */
export function backoffMs(attempt: number, mostMs: number, random: () => number): number {
  if (attempt === 0) return 0;
  return random() * Math.min(mostMs, FIRST_MS * 2 ** Math.min(attempt - 1, 30));
}
