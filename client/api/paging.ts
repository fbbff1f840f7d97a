/** Lists that come in pages. */
import { UINT32, whole } from '../core/arguments.js';

/** Where a page begins, and how much it has at most. */
export interface PageOptions {
  /** At most 1,000. Default 100. A page has fewer rows where they would take more than 1 MiB. */
  readonly pageSize?: number;
  /** The `nextPageToken` of the page before. Default: the first page. */
  readonly pageToken?: string;
}

/** The page size on the wire: 0 is the default. Throws OUT_OF_RANGE. */
export function pageSizeOf(pageSize: number | undefined): number {
  return whole('pageSize', pageSize ?? 0, 0, UINT32);
}

/** All pages of a list, each read when it is asked for. */
export async function* pagesOf<Page extends { readonly nextPageToken: string }>(
  read: (pageToken: string) => Promise<Page>,
): AsyncGenerator<Page, void> {
  for (let pageToken = ''; ;) {
    const page = await read(pageToken);
    yield page;
    pageToken = page.nextPageToken;
    if (pageToken === '') return;
  }
}
