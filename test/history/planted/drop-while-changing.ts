/** Planted in kelpied: events that come while a reader changes its topics are buffered for it, and forgotten. */
import { Feed } from '../../../server/delivery/feed.js';
import { method } from './method.js';

/** How long a change takes. */
const CHANGE_MS = 20;
const changing = new WeakSet<Feed>();

method(
  Feed.prototype,
  'update',
  (update) =>
    function (this: Feed, filter, snapshotOf) {
      changing.add(this);
      setTimeout(() => changing.delete(this), CHANGE_MS);
      return update.call(this, filter, snapshotOf);
    },
);
method(
  Feed.prototype,
  'notify',
  (notify) =>
    function (this: Feed, sequence) {
      if (!changing.has(this)) notify.call(this, sequence);
    },
);
