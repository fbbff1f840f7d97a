/**
 * Messages that no correct client sends: bytes that are not protobuf, wrong compression, sizes at the limit. Their stream
 * ends with a status, or gets an answer; no other peer notices.
 */
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { Besieged } from '../support/process/besieged.js';
import { byteCall } from '../support/wire/byte-call.js';
import { Flag, FrameType, frameOf, grpcMessage, RawPeer } from '../support/wire/raw-peer.js';
import { bytesOf, requestBytes } from '../support/wire/contract.js';
import { helloOf, say, textOf } from '../support/wire/frames.js';

const OK = 0;
const INVALID_ARGUMENT = 3;
const RESOURCE_EXHAUSTED = 8;
const FAILED_PRECONDITION = 9;
const UNIMPLEMENTED = 12;

const KIB = 1024;
const LIMIT = 1024 * KIB;
const INVALID_UTF8 = Buffer.of(0xff, 0xfe, 0xff, 0xfe);

describe('abuse by messages', () => {
  let siege: Besieged;

  before(async () => {
    siege = await Besieged.start();
  });

  after(async () => {
    await siege.nobodyLeft();
    await siege.stop();
  });

  afterEach('and the neighbour has noticed nothing', async () => {
    await siege.wire.leave();
    await siege.unharmed();
  });

  const malformed: [string, Buffer][] = [
    ['an unknown wire type', Buffer.of(0x0f, 0x01)],
    ['a length beyond the end', Buffer.of(0x0a, 0xff, 0xff, 0xff, 0x7f)],
    ['a varint without an end', Buffer.alloc(32, 0xff)],
    ['100 KB of nested groups', Buffer.alloc(100 * KIB, 0x1b)],
    [
      'a frame with a broken one inside',
      Buffer.concat([requestBytes({ heartbeat: {} }), Buffer.of(0x0a, 0x02, 0x12)]),
    ],
  ];
  for (const [what, bytes] of malformed) {
    it(`${what} ends a stream before and after its Hello, and the node can come back`, async () => {
      const first = siege.wire.connect();
      first.sendBytes(bytes);
      // The first frame may be whole but not a Hello, or announce more bytes than a Hello may have.
      const reasons = ['MESSAGE_INVALID', 'HELLO_REQUIRED', 'HELLO_TOO_LARGE'];
      const refused = reasons.map((reason) => `ERROR_REASON_${reason}`);
      expect((await first.ended()).error?.reason).to.be.oneOf(refused);
      const hello = helloOf('malformed');
      const { stream } = await siege.wire.join('malformed', hello);
      stream.sendBytes(bytes);
      const { code, error } = await stream.ended();
      expect(code).to.equal(INVALID_ARGUMENT);
      expect(error?.reason).to.equal('ERROR_REASON_MESSAGE_INVALID');
      const { welcome } = await siege.wire.join('malformed', hello);
      expect(welcome.outcome).to.equal('WELCOME_OUTCOME_RESUMED');
    });
  }

  /** A message in which these four letters are replaced by invalid UTF-8. */
  const garbled = (bytes: Buffer): Buffer => {
    const at = bytes.indexOf('????');
    return Buffer.concat([bytes.subarray(0, at), INVALID_UTF8, bytes.subarray(at + 4)]);
  };

  it('a name that is not UTF-8 is refused like any invalid name', async () => {
    const stream = siege.wire.connect();
    stream.sendBytes(garbled(requestBytes({ hello: helloOf('a????b') })));
    const { error } = await stream.ended();
    expect(error?.reason).to.equal('ERROR_REASON_NODE_NAME_INVALID');
    expect(error?.metadata['proposal']).to.equal('a-b');
  });

  it('a text that is not UTF-8 reaches no reader unchanged: strict readers would fail on it', async () => {
    const { stream } = await siege.wire.join('garbled', { topics: ['garbled'] });
    const events = [say('garbled', 'a????b')];
    const publish = requestBytes({ publish: { first_publish_sequence: 1, events } });
    stream.sendBytes(garbled(publish));
    await stream.settled(1);
    const [event] = (await stream.next('event_batch')).events;
    expect(event && textOf(event)).to.equal(`a${'\ufffd'.repeat(4)}b`);
    const request = { topics: ['garbled'], start: { at: 'START_AT_EARLIEST' } };
    const page = await byteCall(
      siege.endpoint,
      [grpcMessage(bytesOf('EventService.ReadEvents', request))],
      {
        path: '/kelpie.v1.EventService/ReadEvents',
      },
    );
    expect(page.status).to.equal(OK);
    expect(page.body.includes('\ufffd')).to.equal(true);
    expect(page.body.includes(INVALID_UTF8)).to.equal(false);
  });

  it('an incomplete message at the end of the requests is ignored', async () => {
    const hello = grpcMessage(requestBytes({ hello: helloOf('torn') }));
    for (const pieces of [[hello.subarray(0, 3)], [hello.subarray(0, -1)]]) {
      const { status, body } = await byteCall(siege.endpoint, pieces);
      expect(status).to.equal(OK);
      expect(body).to.have.length(0);
    }
    const torn = await byteCall(siege.endpoint, [hello, hello.subarray(0, -1)]);
    expect(torn.status).to.equal(OK);
  });

  describe('compression:', () => {
    const gzip = { 'grpc-encoding': 'gzip' };
    const hello = requestBytes({ hello: helloOf('zipped') });
    const bomb = gzipSync(Buffer.alloc(512 * LIMIT));
    const lies: [string, Record<string, string>, Buffer, number][] = [
      ['garbage', gzip, Buffer.alloc(100, 7), INVALID_ARGUMENT],
      ['a part of a compressed message', gzip, gzipSync(hello).subarray(0, -12), INVALID_ARGUMENT],
      ['512 MiB of zeros', gzip, bomb, RESOURCE_EXHAUSTED],
      ['an unknown encoding', { 'grpc-encoding': 'br' }, hello, UNIMPLEMENTED],
    ];
    for (const [what, headers, bytes, code] of lies) {
      it(`${what} ends the stream with ${code}`, async () => {
        const before = siege.memory();
        const pieces = [grpcMessage(bytes, 1)];
        const { status } = await byteCall(siege.endpoint, pieces, { headers, open: true });
        expect(status).to.equal(code);
        expect(siege.memory() - before).to.be.below(64);
      });
    }

    it('a message with the encoding identity and the flag of compression is read', async () => {
      const headers = { 'grpc-encoding': 'identity' };
      const pieces = [grpcMessage(requestBytes({ heartbeat: {} }), 1)];
      const { status, message } = await byteCall(siege.endpoint, pieces, { headers, open: true });
      expect(status).to.equal(FAILED_PRECONDITION);
      expect(message).to.include('Hello');
    });

    it('a correctly compressed message is read', async () => {
      const pieces = [grpcMessage(gzipSync(hello), 1)];
      const { status, body } = await byteCall(siege.endpoint, pieces, { headers: gzip });
      expect(status).to.equal(OK);
      expect(body.includes('zipped')).to.equal(true);
    });
  });

  describe('a message', () => {
    /** A Heartbeat in a message of this many bytes: an unknown field fills it up. */
    const heartbeatOf = (size: number): Buffer => {
      const beat = requestBytes({ request_id: 1, heartbeat: {} });
      // Field 15, length-delimited, with a length of three bytes.
      const filling = size - beat.length - 4;
      const length = [(filling & 0x7f) | 0x80, ((filling >> 7) & 0x7f) | 0x80, filling >> 14];
      return Buffer.concat([beat, Buffer.of(0x7a, ...length), Buffer.alloc(filling)]);
    };

    it('of exactly the limit is answered, and one of one byte more ends the stream', async () => {
      const { stream } = await siege.wire.join('sized');
      expect(heartbeatOf(LIMIT)).to.have.length(LIMIT);
      stream.sendBytes(heartbeatOf(LIMIT));
      expect((await stream.answer(1)).frame).to.equal('heartbeat_ack');
      stream.sendBytes(heartbeatOf(LIMIT + 1));
      const { code, message, error } = await stream.ended();
      expect(code).to.equal(RESOURCE_EXHAUSTED);
      expect(message).to.include(String(LIMIT));
      expect(error?.reason).to.equal('ERROR_REASON_MESSAGE_TOO_LARGE');
    });

    it('of 4 GiB is refused when its length comes, before its bytes', async () => {
      const before = siege.memory();
      const pieces = [grpcMessage(Buffer.alloc(0), 0, 2 ** 32 - 1)];
      const { status } = await byteCall(siege.endpoint, pieces, { open: true });
      expect(status).to.equal(RESOURCE_EXHAUSTED);
      expect(siege.memory() - before).to.be.below(64);
    });

    it('in frames of one byte is read when it is complete', async () => {
      const labels = Object.fromEntries(
        Array.from({ length: 60 }, (_, index) => [`label-${index}`, 'x'.repeat(255)]),
      );
      const before = siege.memory();
      const peer = new RawPeer(siege.port, { polite: true }).preface().open(1);
      const hello = grpcMessage(requestBytes({ hello: helloOf('crumbs', { labels }) }));
      const crumbs = [...hello].map((byte) =>
        frameOf(FrameType.data, Flag.none, 1, Buffer.of(byte)),
      );
      peer.socket.write(Buffer.concat(crumbs.slice(0, -1)));
      await peer.ping();
      expect(await siege.sessions()).to.equal(1);
      peer.socket.write(crumbs.at(-1) ?? '');
      await peer.until(() => peer.dataBytes > 0, 'the Welcome');
      expect(await siege.sessions()).to.equal(2);
      expect(siege.memory() - before).to.be.below(64);
      await peer.destroy();
    });
  });

  describe('a frame', () => {
    it('with two fields of its oneof counts as the last one', async () => {
      const { stream } = await siege.wire.join('armed');
      const heartbeat = Buffer.of(0x1a, 0);
      const ack = Buffer.of(0x22, 2, 0x08, 99);
      const frame = (requestId: number, ...arms: Buffer[]): Buffer => {
        const body = Buffer.concat([Buffer.of(0x08, requestId), ...arms]);
        return Buffer.concat([Buffer.of(0x0a, body.length), body]);
      };
      stream.sendBytes(Buffer.concat([frame(1, heartbeat, ack), frame(2, ack, heartbeat)]));
      const failed = (await stream.answer(1)).request_failed?.error;
      expect(failed?.reason).to.equal('ERROR_REASON_ACK_INVALID');
      expect((await stream.answer(2)).frame).to.equal('heartbeat_ack');
    });

    it('may be missing in a message, before and after the Hello', async () => {
      const stream = siege.wire.connect();
      for (let count = 0; count < 1000; count++) stream.send();
      stream.send({ hello: helloOf('wordless') });
      await stream.next('welcome');
      for (let count = 0; count < 1000; count++) stream.send();
      stream.send({ request_id: 1, heartbeat: {} });
      expect((await stream.answer(1)).frame).to.equal('heartbeat_ack');
      expect(stream.kinds).to.deep.equal(['welcome', 'heartbeat_ack']);
    });

    it('after a Goodbye is ignored', async () => {
      const hello = helloOf('undecided');
      for (const together of [true, false]) {
        const { stream } = await siege.wire.join('undecided', hello);
        const last = { goodbye: { reason: 'GOODBYE_REASON_STOP' } };
        const more = { request_id: 1, heartbeat: {} };
        if (together) stream.send(last, { hello }, more);
        else for (const frame of [last, { hello }, more]) stream.send(frame);
        expect((await stream.ended()).code).to.equal(OK);
        expect(stream.kinds).to.deep.equal(['welcome']);
        expect(await siege.sessions()).to.equal(1);
      }
    });
  });
});
