/** Planted in kelpied: a reader whose cursor is ahead of the journal waits, and skips all entries up to its cursor. */
import { FileJournal } from '../../../server/journal/file/file-journal.js';
import { method } from './method.js';

method(
  FileJournal.prototype,
  'read',
  (read) =>
    async function (this: FileJournal, after, limit, bytes) {
      const found = await read.call(this, after, limit, bytes);
      if (found.kind === 'page' || found.reason !== 'CURSOR_AHEAD') return found;
      return { kind: 'page', entries: [], upTo: after, missing: [] };
    },
);
