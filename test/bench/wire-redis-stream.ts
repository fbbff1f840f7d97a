/** Redis Streams: each subscriber reads the stream on a connection of its own, and waits at its end. */
import { PAYLOAD_BYTES, TOPIC } from './plan.js';
import { type Client, closeAll, dial, dialAll } from './redis-client.js';
import { inTurn, type OpenWire } from './wire.js';

/** The entries that one read brings at most. */
const READ_ENTRIES = 1000;
/** The entries that the stream keeps, roughly. */
const KEPT_ENTRIES = 1_000_000;

export const open: OpenWire = async ({ endpoint, publishers = 1, subscribers, onDelivered }) => {
  const setter = await dial(endpoint);
  await setter.del(TOPIC);
  const readers = await dialAll(endpoint, subscribers);
  let over = false;
  for (const reader of readers) void read(reader, onDelivered, () => over);
  const writers = await dialAll(endpoint, publishers);
  return {
    publish: inTurn(writers.map((writer) => () => void add(writer))),
    close: async () => {
      await closeAll([setter, ...writers]);
      over = true;
      // Their last reads would wait for ever.
      for (const reader of readers) reader.destroy();
    },
  };
};

const payload = Buffer.alloc(PAYLOAD_BYTES);
const TRIM = { strategy: 'MAXLEN', strategyModifier: '~', threshold: KEPT_ENTRIES } as const;

/** A refusal is not handled, so it ends the process. */
export async function add(writer: Client): Promise<void> {
  await writer.xAdd(TOPIC, '*', { event: payload }, { TRIM });
}

/** The library leaves the type open. */
interface Found {
  readonly messages: readonly { readonly id: string }[];
}

async function read(
  reader: Client,
  onDelivered: (count: number) => void,
  isOver: () => boolean,
): Promise<void> {
  let id = '0';
  try {
    for (;;) {
      const found = await reader.xRead({ key: TOPIC, id }, { BLOCK: 0, COUNT: READ_ENTRIES });
      const [stream] = (found ?? []) as readonly Found[];
      const messages = stream?.messages ?? [];
      id = messages.at(-1)?.id ?? id;
      onDelivered(messages.length);
    }
  } catch (error) {
    if (!isOver()) throw error;
  }
}
