/** NATS through its own client. */
import { PAYLOAD_BYTES, TOPIC } from './plan.js';
import { natsPackage } from './nats-package.js';
import type { OpenWire } from './wire.js';

/** The part of NATS's client that the run uses. The client is installed only where a nats-server is. */
interface Nats {
  connect(options: { servers: string; reconnect: boolean }): Promise<Connection>;
}

interface Connection {
  publish(subject: string, payload: Uint8Array): void;
  subscribe(subject: string, options: { callback: (error: Error | null) => void }): unknown;
  flush(): Promise<void>;
  close(): Promise<void>;
}

export const open: OpenWire = async ({ endpoint, subscribers, onDelivered }) => {
  const nats = natsPackage.load() as Nats;
  const dial = (): Promise<Connection> => nats.connect({ servers: endpoint, reconnect: false });
  const readers = await Promise.all(Array.from({ length: subscribers }, dial));
  for (const reader of readers) {
    reader.subscribe(TOPIC, {
      callback: (error) => {
        if (error) throw error;
        onDelivered(1);
      },
    });
  }
  // The server answers in order: when it answers the flush, it has the subscriptions.
  await Promise.all(readers.map((reader) => reader.flush()));
  const publisher = await dial();
  const payload = new Uint8Array(PAYLOAD_BYTES);
  return {
    publish: () => publisher.publish(TOPIC, payload),
    close: async () => {
      await Promise.all([publisher, ...readers].map((connection) => connection.close()));
    },
  };
};
