/** Redis pub/sub. */
import { PAYLOAD_BYTES, TOPIC } from './plan.js';
import { closeAll, dialAll } from './redis-client.js';
import { inTurn, type OpenWire } from './wire.js';

export const open: OpenWire = async ({ endpoint, publishers = 1, subscribers, onDelivered }) => {
  const readers = await dialAll(endpoint, subscribers);
  await Promise.all(readers.map((reader) => reader.subscribe(TOPIC, () => onDelivered(1), true)));
  const writers = await dialAll(endpoint, publishers);
  const payload = Buffer.alloc(PAYLOAD_BYTES);
  return {
    // A refusal is not handled, so it ends the process.
    publish: inTurn(writers.map((writer) => () => void writer.publish(TOPIC, payload))),
    close: () => closeAll([...writers, ...readers]),
  };
};
