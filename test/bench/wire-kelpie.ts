/** Kelpie with the SDK on both sides, as users run it. Publishers and subscribers spread over the coordinators. */
import { connect, type KelpieClient } from '../../client/index.js';
import { PAYLOAD_BYTES, TOPIC } from './plan.js';
import { inTurn, type OpenWire } from './wire.js';

export const open: OpenWire = async (options) => {
  const { endpoint, publishers = 1, subscribers, fromEarliest, onDelivered } = options;
  const endpoints = endpoint.split(',');
  const readers = Array.from({ length: subscribers }, (_, index) => {
    const client = connect({
      name: `bench-reader-${index}`,
      role: 'SERVICE',
      // Not at the coordinator of the first publisher, if there are others.
      endpoints: at(endpoints, index + 1),
      start: fromEarliest ? 'EARLIEST' : 'SNAPSHOT',
    });
    client.subscribe(TOPIC, () => onDelivered(1));
    return client;
  });
  await Promise.all(readers.map((reader) => reader.ready()));
  const writers = await Promise.all(
    Array.from({ length: publishers }, (_, index) =>
      openPublisher(at(endpoints, index), `bench-publisher-${index}`),
    ),
  );
  return {
    publish: inTurn(writers.map(({ publish }) => publish)),
    close: async () => {
      await Promise.all(writers.map((writer) => writer.close()));
      await Promise.all(readers.map((reader) => reader.close()));
    },
  };
};

function at(endpoints: readonly string[], index: number): string {
  return endpoints[index % endpoints.length] ?? '';
}

/** The publisher's half of the wire. */
export async function openPublisher(
  endpoint: string,
  name = 'bench-publisher',
): Promise<{ publish: () => void; close: KelpieClient['close'] }> {
  const client = connect({ name, role: 'SERVICE', endpoints: endpoint });
  await client.ready();
  const payload = new Uint8Array(PAYLOAD_BYTES);
  let newest: Promise<void> = Promise.resolve();
  return {
    // The measurement handles no refusals: an unhandled one ends the process, and so the measurement.
    publish: () => {
      newest = client.publish(TOPIC, payload);
    },
    close: async () => {
      // A subscriber of another coordinator may have an event before it is acknowledged.
      await newest;
      await client.close();
    },
  };
}
