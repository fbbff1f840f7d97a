/** A publisher of Redis pub/sub: an event has arrived when Redis has answered. */
import { PAYLOAD_BYTES, TOPIC } from './plan.js';
import { closeAll, dial } from './redis-client.js';
import type { OpenWire } from './wire.js';

export const open: OpenWire = async ({ endpoint, onDelivered }) => {
  const client = await dial(endpoint);
  const payload = Buffer.alloc(PAYLOAD_BYTES);
  return {
    publish: () => void client.publish(TOPIC, payload).then(() => onDelivered(1)),
    close: () => closeAll([client]),
  };
};
