/** Planted in kelpied: a reader whose next events retention has removed goes on with the oldest ones that are left. */
import { RedisJournal } from '../../../server/journal/redis/redis-journal.js';
import { method } from './method.js';

method(
  RedisJournal.prototype,
  'read',
  (read) =>
    async function (this: RedisJournal, after, limit, bytes) {
      const found = await read.call(this, after, limit, bytes);
      if (found.kind === 'page' || found.reason !== 'TRIMMED') return found;
      return read.call(this, found.resumesAt, limit, bytes);
    },
);
