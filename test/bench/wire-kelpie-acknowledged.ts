/** The publisher alone, through the SDK: an event has arrived when the coordinator has acknowledged it. */
import { connect } from '../../client/index.js';
import { PAYLOAD_BYTES, TOPIC } from './plan.js';
import type { OpenWire } from './wire.js';

export const open: OpenWire = async ({ endpoint, onDelivered }) => {
  const client = connect({ name: 'bench-publisher', role: 'SERVICE', endpoints: endpoint });
  await client.ready();
  const payload = new Uint8Array(PAYLOAD_BYTES);
  return {
    // A refusal is nobody's to handle: it ends the process, and with it the measurement.
    publish: () => void client.publish(TOPIC, payload).then(() => onDelivered(1)),
    close: () => client.close(),
  };
};
