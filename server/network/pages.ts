/** Pages of lists, in a stable order. */
import { Cursor as CursorMessage } from '../../gen/ts/kelpie/v1/cursor.js';
import type { Cursor } from '../core/cursor.js';
import { KelpieError, outOfRange } from '../core/errors.js';

const DEFAULT_PAGE = 100;
const LARGEST_PAGE = 1000;

/** What an answer may take, so that it fits into what every client reads by default. */
const ANSWER_BYTES = 1024 * 1024;
/** Of an answer, for what stands beside its items: cursor, token, counts. */
const FRAME_BYTES = 4 * 1024;
/** What an item takes beside its own bytes. */
const ITEM_BYTES = 16;

/** What a list is asked for. */
export interface PageRequest {
  readonly pageSize: number;
  /** The token of the page before; empty for the first. */
  readonly pageToken: string;
}

/** A list in order, as it is now. */
export interface Listing<Item> {
  /** Names in order, after one; they may be of items that are not on the list. */
  after(name: string): Iterable<string>;
  /** The item of a name, if it is on the list. */
  item(name: string): Item | undefined;
  /** About how many bytes it takes, and no fewer. */
  bytesOf(item: Item): number;
}

export interface Page<Item> {
  readonly items: Item[];
  /** Empty on the last page. */
  readonly nextPageToken: string;
  /** The position of the first page, on every page. */
  readonly cursor: Cursor;
}

/** Counts what still fits into an answer. The first item always does. */
export class AnswerRoom {
  #left: number;
  #empty = true;

  constructor(takenBytes = 0) {
    this.#left = ANSWER_BYTES - FRAME_BYTES - takenBytes;
  }

  /** Whether an item fits; it is counted then. */
  take(bytes: number): boolean {
    if (bytes + ITEM_BYTES > this.#left && !this.#empty) return false;
    this.#empty = false;
    this.#left -= bytes + ITEM_BYTES;
    return true;
  }
}

/**
 * A page of a list. It ends early where an answer would be too large. Yields wherever others may go on.
 * Throws OUT_OF_RANGE or PAGE_TOKEN_INVALID.
 */
export function* pageOf<Item>(
  listing: Listing<Item>,
  head: Cursor,
  request: PageRequest,
  what: string,
): Generator<undefined, Page<Item>> {
  const size = pageSizeOf(request, what);
  const { after, cursor } =
    request.pageToken === '' ? { after: '', cursor: head } : readToken(request.pageToken);
  const items: Item[] = [];
  const room = new AnswerRoom();
  let last = '';
  for (const name of listing.after(after)) {
    yield;
    const item = listing.item(name);
    if (item === undefined) continue;
    if (items.length === size || !room.take(listing.bytesOf(item)))
      return { items, nextPageToken: writeToken(last, cursor), cursor };
    items.push(item);
    last = name;
  }
  return { items, nextPageToken: '', cursor };
}

function pageSizeOf({ pageSize }: PageRequest, what: string): number {
  if (pageSize <= LARGEST_PAGE) return pageSize === 0 ? DEFAULT_PAGE : pageSize;
  throw outOfRange('page_size', LARGEST_PAGE, `a page has at most ${LARGEST_PAGE} ${what}`);
}

/** Opaque to clients: the cursor of the first page, then the last name. */
function writeToken(last: string, cursor: Cursor): string {
  const encoded = Buffer.from(CursorMessage.encode(cursor).finish()).toString('base64url');
  return `${encoded}.${Buffer.from(last).toString('base64url')}`;
}

function readToken(token: string): { after: string; cursor: Cursor } {
  const [encoded = '', last = ''] = token.split('.');
  try {
    const cursor = CursorMessage.decode(Buffer.from(encoded, 'base64url'));
    const after = Buffer.from(last, 'base64url').toString();
    if (after !== '' && cursor.epoch.length > 0) return { after, cursor };
  } catch {
    // Not a cursor: the same answer as for any other token that is not ours.
  }
  const message = 'the page token is not one of this list; begin again without a token';
  throw new KelpieError('PAGE_TOKEN_INVALID', message);
}
