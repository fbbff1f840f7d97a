/**
 * Numbers of the wire that no JavaScript number can hold. They are legal on the wire. The coordinator refuses such a
 * number with the name of the field, or stores the nearest number of a measurement. The session lives.
 */
import { type JsonObject, ScalarType } from '@bufbuild/protobuf';
import { expect } from 'chai';
import { createChannel, createClientFactory } from 'nice-grpc';
import { errorDetailsClientMiddleware } from 'nice-grpc-error-details';
import { fromThrown } from '../../client/errors.js';
import {
  bytesWith,
  type FieldPath,
  methods,
  nameOf,
  pathsTo,
} from '../support/wire/descriptors.js';
import { type Kelpied, startKelpied } from '../support/process/kelpied.js';
import { type Frame, helloOf } from '../support/wire/frames.js';
import type { Stream } from '../support/wire/stream.js';
import { Wire } from '../support/wire/wire.js';

const UNSIGNED = [ScalarType.UINT64, ScalarType.FIXED64];
const SIGNED = [ScalarType.INT64, ScalarType.SINT64, ScalarType.SFIXED64];

const valuesOf = (path: FieldPath): bigint[] =>
  UNSIGNED.includes(path.at(-1)?.scalar ?? ScalarType.BOOL)
    ? [2n ** 53n, 2n ** 63n - 1n, 2n ** 64n - 1n]
    : [2n ** 53n, 2n ** 63n - 1n, -(2n ** 63n)];

const ID = Buffer.alloc(16, 7).toString('base64');
const STEVE = { xuid: '2535400000000001', name: 'Steve' };
const start = { at: 'START_AT_LATEST' };
const draft = { topic: 'chat.a', payload: { content: { text: 'a' } } };
const command = { target: { node: 'gate' }, command: { runConsoleCommand: { line: 'list' } } };
const kick = { target: { player: { id: STEVE.xuid } }, message: 'bye' };

/** The valid fields of the messages, without the one number. */
const templates: Record<string, JsonObject> = {
  'kelpie.v1.Cursor': { epoch: ID, sequence: '1', tag: 1 },
  'kelpie.v1.NodeFrame': { requestId: 1 },
  'kelpie.v1.Hello': { name: 'huge', role: 'NODE_ROLE_PROXY', instanceId: ID, start },
  'kelpie.v1.Publish': { firstPublishSequence: '1', events: [draft] },
  'kelpie.v1.PublishEventsRequest': { instanceId: ID, events: [draft] },
  'kelpie.v1.ReadEventsRequest': { topics: ['chat.>'], start },
  'kelpie.v1.WatchEventsRequest': { topics: ['chat.>'], start },
  'kelpie.v1.DrainNodeRequest': { name: 'gate' },
  'kelpie.v1.Player': STEVE,
  'kelpie.v1.PlayerRef': { playerId: STEVE.xuid },
  'kelpie.v1.ReleasePlayer': { playerId: STEVE.xuid },
  'kelpie.v1.PlayerReport': { playerId: STEVE.xuid, movedTo: 'lobby' },
  'kelpie.v1.IssueCommand': { ...command, timeout: '0.05s' },
  'kelpie.v1.IssueCommandRequest': { ...command, timeout: '0.05s' },
  'kelpie.v1.KickPlayersRequest': { ...kick, timeout: '0.05s' },
  'kelpie.v1.ShowMessageRequest': { target: kick.target, display: { chat: 'a' } },
};

const METHODS = methods.filter((method) => method.methodKind !== 'bidi_streaming');
const CONNECT = methods.filter((method) => method.methodKind === 'bidi_streaming');

describe('a number above what a number holds', () => {
  let kelpied: Kelpied;
  let wire: Wire;
  let nodes = 0;

  before(async () => {
    kelpied = await startKelpied();
    wire = new Wire(kelpied.endpoint);
    await wire.join('gate', { role: 'NODE_ROLE_PROXY' });
  });

  after('and no fault was logged', async () => {
    await wire.leave();
    wire.close();
    await kelpied.stop();
    expect(
      kelpied
        .errors()
        .split('\n')
        .filter((line) => /\bfault/.test(line)),
    ).to.deep.equal([]);
  });

  /** The reasons that an answer may have. */
  const typed = (reason: string | undefined): void => {
    expect(reason).to.not.be.oneOf(['INTERNAL', 'UNKNOWN', 'MESSAGE_INVALID', undefined]);
  };
  const typedFrame = (frame: Frame): void => {
    const error = frame.request_failed?.error;
    if (error) typed(error.reason.replace('ERROR_REASON_', ''));
  };

  const lives = async (stream: Stream): Promise<void> => {
    stream.send({ request_id: 2, heartbeat: {} });
    const { frame } = await stream.answer(2);
    expect(frame).to.equal('heartbeat_ack');
    for (const one of stream.frames) typedFrame(one);
    await stream.leave();
  };

  for (const method of CONNECT) {
    for (const path of pathsTo(method.input, [...UNSIGNED, ...SIGNED])) {
      const isHello = path[1]?.name === 'hello';
      it(`in ${nameOf(path)} ${isHello ? 'is answered' : 'leaves the session alive'}`, async () => {
        for (const value of valuesOf(path)) {
          const bytes = bytesWith(method.input, path, value, templates);
          const stream = wire.connect();
          if (!isHello) {
            stream.send({ hello: helloOf(`huge-${nodes++}`, { role: 'NODE_ROLE_PROXY' }) });
            await stream.next('welcome');
          }
          stream.sendBytes(bytes);
          const welcome = isHello && (await stream.next('welcome').catch(() => undefined));
          if (!isHello || welcome) await lives(stream);
          else typed((await stream.ended()).error?.reason.replace('ERROR_REASON_', ''));
        }
      });
    }
  }

  for (const method of METHODS) {
    for (const path of pathsTo(method.input, [...UNSIGNED, ...SIGNED])) {
      it(`in ${method.name}'s ${nameOf(path)} is answered`, async () => {
        for (const value of valuesOf(path)) {
          const bytes = bytesWith(method.input, path, value, templates);
          typed(await answerOf(kelpied.endpoint, method, bytes));
        }
      });
    }
  }

  it('is stored as the nearest number if it is a measurement, and can be read back', async () => {
    const { stream } = await wire.join('java');
    const [connect] = CONNECT.map(({ input }) => input);
    if (!connect) throw new Error('the contract has no session');
    const paths = pathsTo(connect, UNSIGNED);
    const path = paths.find((one) => nameOf(one).endsWith('memory_max_bytes')) ?? [];
    stream.sendBytes(bytesWith(connect, path, 2n ** 63n - 1n, templates));
    await stream.answer(1);
    const { node } = await wire.call('NodeService.GetNode', { name: 'java' });
    expect(node.load?.memory_max_bytes).to.equal(Number.MAX_SAFE_INTEGER);
  });

  it('in seconds occurs only in a Duration or a Timestamp, as the decoder expects', () => {
    for (const { input } of methods) {
      for (const path of pathsTo(input, SIGNED)) expect(nameOf(path)).to.match(/\.?seconds$/);
    }
  });
});

interface Caller {
  call(bytes: Buffer, options: { signal: AbortSignal }): AsyncIterable<unknown> | Promise<unknown>;
}

/** The reason of the error with which a call fails, or OK. The first answer of a stream counts. */
async function answerOf(
  endpoint: string,
  { name, parent, methodKind }: (typeof methods)[number],
  bytes: Buffer,
): Promise<string> {
  const asItIs = (given: Uint8Array): Uint8Array => given;
  const definition = {
    call: {
      path: `/${parent.typeName}/${name}`,
      requestStream: false,
      responseStream: methodKind === 'server_streaming',
      requestSerialize: asItIs,
      requestDeserialize: asItIs,
      responseSerialize: asItIs,
      responseDeserialize: asItIs,
      options: {},
    },
  } as const;
  const channel = createChannel(endpoint);
  const abort = new AbortController();
  // An accepted watch may have no answer.
  const quiet = setTimeout(() => abort.abort(), 300);
  try {
    const factory = createClientFactory().use(errorDetailsClientMiddleware);
    const client = factory.create(definition, channel) as unknown as Caller;
    const answer = client.call(bytes, { signal: abort.signal });
    if (Symbol.asyncIterator in answer) await answer[Symbol.asyncIterator]().next();
    else await answer;
    return 'OK';
  } catch (error) {
    return abort.signal.aborted ? 'OK' : fromThrown(error).reason;
  } finally {
    clearTimeout(quiet);
    channel.close();
  }
}
