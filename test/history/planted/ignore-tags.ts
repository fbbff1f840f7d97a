/** Planted in kelpied: the journal reads after a cursor whatever its tag is. */
import { FileJournal } from '../../../server/journal/file/file-journal.js';
import type { Journal } from '../../../server/journal/journal.js';
import { RedisJournal } from '../../../server/journal/redis/redis-journal.js';
import { method } from './method.js';

for (const { prototype } of [FileJournal, RedisJournal])
  method<Journal, 'read'>(
    prototype,
    'read',
    (read) =>
      async function (this: Journal, after, limit, bytes) {
        const found = await read.call(this, after, limit, bytes);
        if (found.kind === 'page' || found.reason !== 'HISTORY_REWRITTEN') return found;
        // The tag of a position is that of its entry, which the journal finds from its beginning on.
        let at = this.oldest;
        for (;;) {
          const page = await read.call(this, at, 1000);
          if (page.kind === 'gap') return found;
          const entry = page.entries.find(({ sequence }) => sequence === after.sequence);
          if (entry) return read.call(this, { ...after, tag: entry.tag }, limit, bytes);
          if (page.entries.length === 0) return found;
          at = page.upTo;
        }
      },
  );
