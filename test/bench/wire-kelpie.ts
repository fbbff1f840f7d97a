/** Kelpie with the SDK on both sides, as users run it. */
import { connect, type KelpieClient } from '../../client/index.js';
import { PAYLOAD_BYTES, TOPIC } from './plan.js';
import type { OpenWire } from './wire.js';

export const open: OpenWire = async (options) => {
  const { endpoint, subscribers, fromEarliest, onDelivered } = options;
  const readers = Array.from({ length: subscribers }, (_, index) => {
    const client = connect({
      name: `bench-reader-${index}`,
      role: 'SERVICE',
      endpoints: endpoint,
      start: fromEarliest ? 'EARLIEST' : 'SNAPSHOT',
    });
    client.subscribe(TOPIC, () => onDelivered(1));
    return client;
  });
  await Promise.all(readers.map((reader) => reader.ready()));
  const publisher = await openPublisher(endpoint);
  return {
    publish: publisher.publish,
    close: async () => {
      await publisher.close();
      await Promise.all(readers.map((reader) => reader.close()));
    },
  };
};

/** The publisher's half of the wire. */
export async function openPublisher(
  endpoint: string,
): Promise<{ publish: () => void; close: KelpieClient['close'] }> {
  const client = connect({ name: 'bench-publisher', role: 'SERVICE', endpoints: endpoint });
  await client.ready();
  const payload = new Uint8Array(PAYLOAD_BYTES);
  return {
    // The measurement handles no refusals: an unhandled one ends the process, and so the measurement.
    publish: () => void client.publish(TOPIC, payload),
    close: () => client.close(),
  };
}
