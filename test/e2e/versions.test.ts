/** Nodes and coordinators of neighbouring versions: each ignores the fields and frames that it does not know. */
import { randomBytes } from 'node:crypto';
import { BinaryWriter } from '@bufbuild/protobuf/wire';
import { expect } from 'chai';
import { connect, type Status } from '../../client/index.js';
import { StartAt } from '../../gen/ts/kelpie/v1/cursor.js';
import { NodeRole } from '../../gen/ts/kelpie/v1/node.js';
import { Hello, Publish } from '../../gen/ts/kelpie/v1/session_service.js';
import { EventDraft } from '../../gen/ts/kelpie/v1/event.js';
import { startCoordinator } from '../../server/coordinator.js';
import { Inbox } from '../support/wire/inbox.js';
import { type Kelpied, startKelpied } from '../support/process/kelpied.js';
import { Wire } from '../support/wire/wire.js';

/** The bytes of a message from its fields, by their numbers in the contract. */
const bytesField = (number: number): number => (number << 3) | 2;
const FRAMES = bytesField(1);
const HELLO = bytesField(2);
const PUBLISH = bytesField(5);
const NEW = bytesField(200);

/** A ConnectRequest of one frame, in which each message also has an unknown field. */
function fromTheFuture(frame: number, message: (writer: BinaryWriter) => void): Buffer {
  const writer = new BinaryWriter().uint32(FRAMES).fork().uint32(frame).fork();
  message(writer);
  for (let level = 0; level < 2; level++) writer.uint32(NEW).string('new').join();
  return Buffer.from(writer.uint32(NEW).string('new').finish());
}

/** The required fields of a Hello. */
const least = () => ({
  name: 'neighbour',
  role: NodeRole.SERVICE,
  instanceId: randomBytes(16),
  start: { place: { $case: 'at' as const, value: StartAt.LATEST } },
});

describe('a node of another version', () => {
  let kelpied: Kelpied;
  let wire: Wire;

  before(async () => {
    kelpied = await startKelpied(['--drain-seconds', '0']);
    wire = new Wire(kelpied.endpoint);
  });
  afterEach(() => wire.leave());
  after(async () => {
    wire.close();
    await kelpied.stop();
  });

  it('that is newer is welcomed and served, also with unknown fields and frames', async () => {
    const { stream: reader } = await wire.join('reader', { topics: ['chat', 'nodes.*'] });
    const stream = wire.connect();
    const hello = Hello.create({ ...least(), topics: ['chat'] });
    stream.sendBytes(fromTheFuture(HELLO, (writer) => void Hello.encode(hello, writer)));
    await stream.next('welcome');
    stream.sendBytes(fromTheFuture(NEW, (writer) => void writer.uint32(NEW).string('new')));
    expect((await stream.failure()).reason).to.equal('ERROR_REASON_FRAME_UNKNOWN');
    const content = { form: { $case: 'text' as const, value: 'hello' } };
    const draft = EventDraft.create({ topic: 'chat', payload: { content } });
    const publish = Publish.create({ firstPublishSequence: 1, events: [draft] });
    stream.sendBytes(fromTheFuture(PUBLISH, (writer) => void Publish.encode(publish, writer)));
    await stream.settled(1);
    expect(await stream.texts('hello')).to.deep.equal(['hello']);
    expect(await reader.texts('hello')).to.deep.equal([undefined, 'hello']);
  });

  it('that is older sends only the required fields, and has a complete session', async () => {
    const stream = wire.connect();
    const request = new BinaryWriter().uint32(FRAMES).fork().uint32(HELLO).fork();
    Hello.encode(Hello.create(least()), request);
    stream.sendBytes(Buffer.from(request.join().join().finish()));
    const welcome = await stream.next('welcome');
    expect(welcome.node_name).to.equal('neighbour');
    const { node } = await wire.call('NodeService.GetNode', { name: 'neighbour' });
    expect(node).to.include({ state: 'NODE_STATE_READY', address: null });
    stream.publish(1, { topic: 'inbox.neighbour', payload: { content: { text: 'to myself' } } });
    expect(await stream.texts('to myself')).to.deep.equal(['to myself']);
    stream.send({ request_id: 1, heartbeat: {} });
    expect((await stream.answer(1)).frame).to.equal('heartbeat_ack');
  });
});

describe('a coordinator of another version', () => {
  it('that is newer sends unknown frames, which the client skips', async () => {
    const coordinator = await startCoordinator({ journal: 'memory', port: 0 });
    const transport = coordinator.transport();
    const client = connect({
      name: 'older',
      role: 'SERVICE',
      transport: async function* (requests, signal) {
        for await (const response of transport(requests, signal)) {
          yield response;
          yield { frames: [{ requestId: 0, frame: undefined }] };
        }
      },
    });
    const seen: Status['type'][] = [];
    const ended = (async () => {
      for await (const { type } of client.status()) seen.push(type);
    })();
    const inbox = new Inbox();
    client.subscribe('chat', inbox.take);
    await client.ready();
    await client.publish('chat', 'hello');
    expect((await inbox.atLeast(1)).map(({ content }) => content)).to.deep.equal(['hello']);
    await client.close();
    await ended;
    expect(seen).to.deep.equal(['connecting', 'connected', 'closed']);
    await coordinator.stop();
  });
});
