/** A plain unary call from a client to the process that answers it. It takes one hop; a command takes two. */
import { MessageOrigin } from '../../gen/ts/kelpie/v1/event.js';
import { Client, credentials } from '@grpc/grpc-js';
import { PAYLOAD_BYTES, TOPIC } from './plan.js';
import { echo } from './relay-contract.js';
import type { OpenWire } from './wire.js';

export const open: OpenWire = async ({ endpoint, onDelivered }) => {
  const client = new Client(endpoint, credentials.createInsecure(), { 'grpc.enable_channelz': 0 });
  const content = { form: { $case: 'data', value: new Uint8Array(PAYLOAD_BYTES) } } as const;
  const payload = { type: '', content, attributes: {}, origin: MessageOrigin.NODE };
  const draft = { topic: TOPIC, payload };
  const { path, requestSerialize, responseDeserialize } = echo;
  return {
    publish: () => {
      client.makeUnaryRequest(path, requestSerialize, responseDeserialize, draft, (error) => {
        if (error) throw error;
        onDelivered(1);
      });
    },
    close: async () => client.close(),
  };
};
