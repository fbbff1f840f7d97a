/** Commands through the coordinator, from the SDK of one node to the SDK of the node that answers. */
import { connect } from '../../client/index.js';
import { PAYLOAD_BYTES } from './plan.js';
import type { OpenWire } from './wire.js';

const COMMAND = 'echo';
const TARGET = { node: 'bench-node' };
const TIMEOUT_MS = 30_000;

export const open: OpenWire = async ({ endpoint, onDelivered }) => {
  const node = connect({ name: TARGET.node, role: 'SERVICE', endpoints: endpoint });
  node.handle(COMMAND, (content) => content);
  await node.ready();
  const issuer = connect({ name: 'bench-issuer', role: 'SERVICE', endpoints: endpoint });
  await issuer.ready();
  const payload = new Uint8Array(PAYLOAD_BYTES);
  const call = () => issuer.call(TARGET, COMMAND, payload, { timeoutMs: TIMEOUT_MS });
  return {
    // A command that fails ends the process, and so the measurement.
    publish: () => void call().then(() => onDelivered(1)),
    close: async () => {
      await Promise.all([issuer.close(), node.close()]);
    },
  };
};
