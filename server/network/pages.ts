/** Pages of lists, in a stable order. */
import { createHash } from 'node:crypto';
import { Cursor as CursorMessage } from '../../gen/ts/kelpie/v1/cursor.js';
import { type Cursor, sameBytes } from '../core/cursor.js';
import { KelpieError, outOfRange } from '../core/errors.js';

const DEFAULT_PAGE = 100;
const LARGEST_PAGE = 1000;

/** The most bytes of an answer: below the size that every client accepts by default. */
const ANSWER_BYTES = 1024 * 1024;
/** The part of an answer that is reserved for its cursor, token and counts. */
const FRAME_BYTES = 4 * 1024;
/** The bytes that an item takes in addition to its own. */
const ITEM_BYTES = 16;

/** Which page of a list the client requests. */
export interface PageRequest {
  readonly pageSize: number;
  /** The token of the page before; empty for the first. */
  readonly pageToken: string;
  /** Not a filter: it may change from page to page. All other fields of a request are filters. */
  readonly includeContext?: boolean;
}

/** A sorted list, read live. */
export interface Listing<Item> {
  /** The names after one name, in order. A name may belong to an item that is not on the list. */
  after(name: string): Iterable<string>;
  /** The item with this name, if it is on the list. */
  item(name: string): Item | undefined;
  /** An upper estimate of the item's bytes. */
  bytesOf(item: Item): number;
}

export interface Page<Item> {
  readonly items: Item[];
  /** Empty on the last page. */
  readonly nextPageToken: string;
  /** The position of the first page, on every page. */
  readonly cursor: Cursor;
}

/** Counts the bytes that still fit into an answer. The first item always fits. */
export class AnswerRoom {
  #left: number;
  #empty = true;

  constructor(takenBytes = 0) {
    this.#left = ANSWER_BYTES - FRAME_BYTES - takenBytes;
  }

  /** Counts the item and returns true, if it fits. */
  take(bytes: number): boolean {
    if (bytes + ITEM_BYTES > this.#left && !this.#empty) return false;
    this.#empty = false;
    this.#left -= bytes + ITEM_BYTES;
    return true;
  }
}

/**
 * A page of a list. The page ends early where the answer would be too large. Yields between items, so that the
 * caller can let other work run. Throws OUT_OF_RANGE or PAGE_TOKEN_INVALID.
 */
export function* pageOf<Item>(
  listing: Listing<Item>,
  head: Cursor,
  request: PageRequest,
  what: string,
): Generator<undefined, Page<Item>> {
  const size = pageSizeOf(request, what);
  const { pageToken } = request;
  const filter = filterOf(request);
  const { after, cursor } =
    pageToken === '' ? { after: '', cursor: head } : readToken(pageToken, filter, head);
  const items: Item[] = [];
  const room = new AnswerRoom();
  let last = '';
  for (const name of listing.after(after)) {
    yield;
    const item = listing.item(name);
    if (item === undefined) continue;
    if (items.length === size || !room.take(listing.bytesOf(item)))
      return { items, nextPageToken: writeToken(last, filter, cursor), cursor };
    items.push(item);
    last = name;
  }
  return { items, nextPageToken: '', cursor };
}

function pageSizeOf({ pageSize }: PageRequest, what: string): number {
  if (pageSize <= LARGEST_PAGE) return pageSize === 0 ? DEFAULT_PAGE : pageSize;
  throw outOfRange('page_size', LARGEST_PAGE, `a page has at most ${LARGEST_PAGE} ${what}`);
}

/** The filter of a request in a short form, which is the same for equal filters. */
function filterOf(request: PageRequest): string {
  const filter = { ...request, pageSize: 0, pageToken: '', includeContext: false };
  return createHash('sha256')
    .update(JSON.stringify(filter, inOrder))
    .digest('base64url')
    .slice(0, 8);
}

/** Labels have no order. */
function inOrder(_: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const fields = Object.entries(value as Record<string, unknown>);
  return Object.fromEntries(fields.sort(([left], [right]) => (left < right ? -1 : 1)));
}

/** Opaque to clients: the cursor of the first page, the last name, then the filter. */
function writeToken(last: string, filter: string, cursor: Cursor): string {
  const encoded = Buffer.from(CursorMessage.encode(cursor).finish()).toString('base64url');
  return `${encoded}.${Buffer.from(last).toString('base64url')}.${filter}`;
}

/** A token of another network, or of an earlier epoch, is none of this list. */
function readToken(token: string, filter: string, head: Cursor): { after: string; cursor: Cursor } {
  const [encoded = '', last = '', filtered] = token.split('.');
  try {
    const cursor = CursorMessage.decode(Buffer.from(encoded, 'base64url'));
    const after = Buffer.from(last, 'base64url').toString();
    const ours = sameBytes(cursor.epoch, head.epoch);
    if (after !== '' && ours && filtered === filter) return { after, cursor };
  } catch {
    // The token holds no cursor: the same error as for every other foreign token.
  }
  const message =
    'the page token is not from this list with these filters; begin again without a token';
  throw new KelpieError('PAGE_TOKEN_INVALID', message);
}
