/** Clients of the plain relay: one message for each event, one connection for each client. */
import { once } from 'node:events';
import { Client, type ClientDuplexStream, credentials } from '@grpc/grpc-js';
import { MessageOrigin, type Event, type EventDraft } from '../../gen/ts/kelpie/v1/event.js';
import { PAYLOAD_BYTES, TOPIC } from './plan.js';
import { relay } from './relay-contract.js';
import type { OpenWire } from './wire.js';

export const open: OpenWire = async ({ endpoint, subscribers, onDelivered }) => {
  const readers = await Promise.all(
    Array.from({ length: subscribers }, () => openReader(endpoint, onDelivered)),
  );
  const publisher = openStream(endpoint);
  const content = { form: { $case: 'data', value: new Uint8Array(PAYLOAD_BYTES) } } as const;
  return {
    publish: () => {
      const payload = { type: '', content, attributes: {}, origin: MessageOrigin.NODE };
      publisher.call.write({ topic: TOPIC, payload });
    },
    close: async () => {
      await Promise.all([publisher, ...readers].map((stream) => stream.close()));
    },
  };
};

interface Stream {
  readonly call: ClientDuplexStream<EventDraft, Event>;
  close(): Promise<void>;
}

function openStream(endpoint: string): Stream {
  const client = new Client(endpoint, credentials.createInsecure(), {
    'grpc.use_local_subchannel_pool': 1,
    'grpc.enable_channelz': 0,
  });
  const call = client.makeBidiStreamRequest(
    relay.path,
    relay.requestSerialize,
    relay.responseDeserialize,
  );
  const ended = once(call, 'status');
  const close = async (): Promise<void> => {
    // A stream must be read to reach its end.
    call.resume();
    call.end();
    await ended;
    client.close();
  };
  return { call, close };
}

async function openReader(endpoint: string, onDelivered: (count: number) => void): Promise<Stream> {
  const stream = openStream(endpoint);
  stream.call.on('data', () => onDelivered(1));
  stream.call.write({ topic: TOPIC, payload: undefined });
  await once(stream.call, 'metadata');
  return stream;
}
