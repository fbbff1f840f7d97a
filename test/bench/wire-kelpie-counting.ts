/**
 * Kelpie with readers that follow the protocol but decode no events: they only count and acknowledge. So the run
 * measures the server. With fifty SDKs in one process, the clients would be the limit.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { BinaryReader } from '@bufbuild/protobuf/wire';
import { type ChannelOptions, credentials } from '@grpc/grpc-js';
import { createChannel, createClient, Metadata } from 'nice-grpc';
import {
  fromTsProtoServiceDefinition,
  type FromTsProtoServiceDefinition,
} from 'nice-grpc/lib/service-definitions/ts-proto.js';
import { Cursor, StartAt } from '../../gen/ts/kelpie/v1/cursor.js';
import { NodeRole } from '../../gen/ts/kelpie/v1/node.js';
import {
  type ConnectRequest,
  GoodbyeReason,
  Hello,
  type NodeFrame,
  SessionServiceDefinition,
} from '../../gen/ts/kelpie/v1/session_service.js';
import { TOPIC } from './plan.js';
import type { OpenWire } from './wire.js';
import { openPublisher } from './wire-kelpie.js';

type Frame = NonNullable<NodeFrame['frame']>;

const { connect } = fromTsProtoServiceDefinition(
  SessionServiceDefinition,
) as FromTsProtoServiceDefinition<SessionServiceDefinition>;

const CountingService = {
  connect: { ...connect, responseDeserialize: (bytes: Uint8Array): Uint8Array => bytes },
};

const channelOptions: ChannelOptions = {
  'grpc.use_local_subchannel_pool': 1,
  'grpc.enable_channelz': 0,
};

/** As the SDK reads them. */
const { KELPIE_CA, KELPIE_TOKEN } = process.env;
const protection =
  KELPIE_CA === undefined
    ? credentials.createInsecure()
    : credentials.createSsl(readFileSync(KELPIE_CA));
const metadata = new Metadata();
if (KELPIE_TOKEN !== undefined) metadata.set('authorization', `Bearer ${KELPIE_TOKEN}`);

export const open: OpenWire = async ({ endpoint, subscribers, onDelivered }) => {
  const readers = Array.from(
    { length: subscribers },
    (_, index) => new Reader(endpoint, `bench-reader-${index}`, onDelivered),
  );
  await Promise.all(readers.map((reader) => reader.welcomed));
  const publisher = await openPublisher(endpoint);
  return {
    publish: publisher.publish,
    close: async () => {
      await publisher.close();
      await Promise.all(readers.map((reader) => reader.close()));
    },
  };
};

class Reader {
  readonly welcomed: Promise<void>;
  readonly #ended: Promise<void>;
  #welcome = (): void => undefined;
  #ready: Frame[];
  #leaving = false;
  #wake = (): void => undefined;

  constructor(endpoint: string, name: string, onDelivered: (count: number) => void) {
    this.welcomed = new Promise((resolve) => (this.#welcome = resolve));
    this.#ready = [{ $case: 'hello', value: helloOf(name) }];
    this.#ended = this.#read(endpoint, onDelivered);
  }

  async #read(endpoint: string, onDelivered: (count: number) => void): Promise<void> {
    const channel = createChannel(endpoint, protection, channelOptions);
    const client = createClient(CountingService, channel);
    for await (const response of client.connect(this.#requests(), { metadata })) {
      this.#welcome();
      const { events, upTo } = countResponse(response);
      if (events === 0) continue;
      this.#send({ $case: 'ack', value: { sequence: upTo } });
      onDelivered(events);
    }
    channel.close();
  }

  async *#requests(): AsyncGenerator<ConnectRequest> {
    for (;;) {
      const frames = this.#ready.map((frame) => ({ requestId: 0, frame }));
      this.#ready = [];
      if (frames.length > 0) yield { frames };
      else if (this.#leaving) return;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  #send(frame: Frame): void {
    this.#ready.push(frame);
    this.#wake();
  }

  async close(): Promise<void> {
    this.#send({ $case: 'goodbye', value: { reason: GoodbyeReason.STOP } });
    this.#leaving = true;
    await this.#ended;
  }
}

function helloOf(name: string): Hello {
  return Hello.fromPartial({
    name,
    role: NodeRole.SERVICE,
    instanceId: randomBytes(16),
    topics: [TOPIC],
    start: { place: { $case: 'at', value: StartAt.LATEST } },
  });
}

/** The facts of a response that the readers need. */
interface Count {
  events: number;
  upTo: number;
}

/** Counts ConnectResponse.frames[].event_batch.events, and reads the cursor at the end of the last batch. */
function countResponse(response: Uint8Array): Count {
  const count: Count = { events: 0, upTo: 0 };
  eachField(new BinaryReader(response), 1, (frames) =>
    eachField(inner(frames), 2, (frame) => countBatch(inner(frame), count)),
  );
  return count;
}

function countBatch(batch: BinaryReader, count: Count): void {
  while (batch.pos < batch.len) {
    const [field, type] = batch.tag();
    if (field === 2) count.upTo = Cursor.decode(batch.bytes()).sequence;
    else batch.skip(type, field);
    if (field === 3) count.events += 1;
  }
}

function eachField(
  message: BinaryReader,
  wanted: number,
  visit: (message: BinaryReader) => void,
): void {
  while (message.pos < message.len) {
    const [field, type] = message.tag();
    if (field === wanted) visit(message);
    else message.skip(type, field);
  }
}

/** The next nested message of a message. */
function inner(outer: BinaryReader): BinaryReader {
  return new BinaryReader(outer.bytes());
}
