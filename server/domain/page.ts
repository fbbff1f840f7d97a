/** Pages of lists, in a stable order. */
import { Cursor as CursorMessage } from '../../gen/ts/kelpie/v1/cursor.js';
import type { Cursor } from '../core/cursor.js';
import { KelpieError, outOfRange } from '../core/errors.js';

const DEFAULT_PAGE = 100;
const LARGEST_PAGE = 1000;

/** What a list is asked for. */
export interface PageRequest {
  readonly pageSize: number;
  /** The token of the page before; empty for the first. */
  readonly pageToken: string;
}

/** A page of names. */
export interface NamePage {
  readonly names: readonly string[];
  /** Empty on the last page. */
  readonly nextPageToken: string;
  /** The position of the first page, on every page. */
  readonly cursor: Cursor;
}

/** How many of a list go on a page. Throws OUT_OF_RANGE. */
export function pageSizeOf({ pageSize }: { readonly pageSize: number }, what: string): number {
  if (pageSize <= LARGEST_PAGE) return pageSize === 0 ? DEFAULT_PAGE : pageSize;
  throw outOfRange('page_size', LARGEST_PAGE, `a page has at most ${LARGEST_PAGE} ${what}`);
}

/** A page of names, in their order. Throws OUT_OF_RANGE or PAGE_TOKEN_INVALID. */
export function pageOf(
  names: Iterable<string>,
  head: Cursor,
  request: PageRequest,
  what: string,
): NamePage {
  const size = pageSizeOf(request, what);
  const { after, cursor } =
    request.pageToken === '' ? { after: '', cursor: head } : readToken(request.pageToken);
  const found = firstAfter(names, after, size + 1);
  const page = found.slice(0, size);
  const last = page.at(-1);
  const more = found.length > size && last !== undefined;
  return { names: page, nextPageToken: more ? writeToken(last, cursor) : '', cursor };
}

/** The first so many that come after one, in order, in one pass and with little memory. */
function firstAfter(names: Iterable<string>, after: string, count: number): string[] {
  const found: string[] = [];
  let most: string | undefined;
  for (const name of names) {
    if (name <= after || (most !== undefined && name >= most)) continue;
    if (found.push(name) < 2 * count) continue;
    found.sort(bytewise);
    found.length = count;
    most = found.at(-1);
  }
  return found.sort(bytewise).slice(0, count);
}

/** Names and ids are ASCII, so this is their bytes' order. */
function bytewise(left: string, right: string): number {
  return left < right ? -1 : 1;
}

/** Opaque to clients: the cursor of the first page, then the last name. */
function writeToken(last: string, cursor: Cursor): string {
  const encoded = Buffer.from(CursorMessage.encode(cursor).finish()).toString('base64url');
  return `${encoded}.${last}`;
}

function readToken(token: string): { after: string; cursor: Cursor } {
  const [encoded = '', after = ''] = token.split('.');
  try {
    const cursor = CursorMessage.decode(Buffer.from(encoded, 'base64url'));
    if (after !== '' && cursor.epoch.length > 0) return { after, cursor };
  } catch {
    // Not a cursor: the same answer as for any other token that is not ours.
  }
  const message = 'the page token is not one of this list; begin again without a token';
  throw new KelpieError('PAGE_TOKEN_INVALID', message);
}
