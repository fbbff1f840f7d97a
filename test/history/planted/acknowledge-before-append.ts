/** Planted in kelpied: it acknowledges publishes before the journal has them. */
import { Network } from '../../../server/network/network.js';
import { method } from './method.js';

/** How late the journal gets them. */
const LATE_MS = 300;

method(
  Network.prototype,
  'commit',
  (commit) =>
    async function (this: Network, transaction) {
      if (!transaction.producer) return commit.call(this, transaction);
      setTimeout(() => void commit.call(this, transaction).catch(() => undefined), LATE_MS);
      return { kind: 'stored', first: 1 };
    },
);
