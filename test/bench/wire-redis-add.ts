/** A writer of a Redis stream: an event has arrived when Redis has answered. */
import { closeAll, dial } from './redis-client.js';
import type { OpenWire } from './wire.js';
import { add } from './wire-redis-stream.js';

export const open: OpenWire = async ({ endpoint, onDelivered }) => {
  const client = await dial(endpoint);
  return {
    publish: () => void add(client).then(() => onDelivered(1)),
    close: () => closeAll([client]),
  };
};
