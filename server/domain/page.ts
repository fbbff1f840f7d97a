/** Pages of lists. */
import { outOfRange } from '../core/errors.js';

const DEFAULT_PAGE = 100;
const LARGEST_PAGE = 1000;

/** How many of a list go on a page. Throws OUT_OF_RANGE. */
export function pageSizeOf({ pageSize }: { readonly pageSize: number }, what: string): number {
  if (pageSize <= LARGEST_PAGE) return pageSize === 0 ? DEFAULT_PAGE : pageSize;
  throw outOfRange('page_size', LARGEST_PAGE, `a page has at most ${LARGEST_PAGE} ${what}`);
}
