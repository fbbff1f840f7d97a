/** A publisher of the SDK without subscribers: an event has arrived when the coordinator has acknowledged it. */
import { connect } from '../../client/index.js';
import { PAYLOAD_BYTES, TOPIC } from './plan.js';
import type { OpenWire } from './wire.js';

export const open: OpenWire = async ({ endpoint, onDelivered }) => {
  const client = connect({ name: 'bench-publisher', role: 'SERVICE', endpoints: endpoint });
  await client.ready();
  const payload = new Uint8Array(PAYLOAD_BYTES);
  return {
    // The measurement handles no refusals: an unhandled one ends the process, and so the measurement.
    publish: () => void client.publish(TOPIC, payload).then(() => onDelivered(1)),
    close: () => client.close(),
  };
};
