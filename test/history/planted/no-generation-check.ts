/** Planted in kelpied: a session that a newer one has replaced still lives, and its writes are stored. */
import { Network } from '../../../server/network/network.js';
import { Session } from '../../../server/session/session.js';
import { method } from './method.js';

method(
  Session.prototype,
  'evict',
  (evict) =>
    function (this: Session, error) {
      if (error.reason !== 'SESSION_REPLACED') evict.call(this, error);
    },
);
method(
  Network.prototype,
  'commit',
  (commit) =>
    async function (this: Network, transaction) {
      return commit.call(
        this,
        transaction.producer ? { ...transaction, require: [] } : transaction,
      );
    },
);
