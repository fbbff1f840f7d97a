/** The edge must send statuses that every client can read, and accept deadlines of any length. */
import { connect } from 'node:http2';
import { once } from 'node:events';
import { expect } from 'chai';
import { ConnectRequest } from '../../gen/ts/kelpie/v1/session_service.js';
import { NodeRole } from '../../gen/ts/kelpie/v1/node.js';
import { StartAt } from '../../gen/ts/kelpie/v1/cursor.js';
import { type Coordinator, startCoordinator } from '../../server/coordinator.js';
import { byteCall } from '../support/wire/byte-call.js';
import { hostileNumbers, hostileStrings } from '../support/hostile/hostile.js';
import { type Kelpied, startKelpied } from '../support/process/kelpied.js';
import { grpcMessage, requestHeaders } from '../support/wire/raw-peer.js';
import { rejectionOf } from '../support/thrown.js';
import { bytesOf } from '../support/wire/contract.js';
import { CallFailure } from '../support/wire/status.js';
import { Wire } from '../support/wire/wire.js';

const OK = 0;
const UNIMPLEMENTED = 12;
/** The limit of headers in clients in Java, in bytes. */
const TRAILER_BYTES = 8192;
const READ_EVENTS = '/kelpie.v1.EventService/ReadEvents';

describe('the edge', () => {
  let kelpied: Kelpied;
  let wire: Wire;

  before(async () => {
    kelpied = await startKelpied();
    wire = new Wire(kelpied.endpoint);
  });

  after(async () => {
    wire.close();
    expect(await kelpied.stop()).to.equal(0);
  });

  describe('answers with a status that every client can read, for the name', () => {
    const names = {
      ...hostileStrings,
      'an emoji at the cut of the message': `${'x'.repeat(254)}😀`,
      '60,000 letters': 'x'.repeat(60_000),
      '60,000 emoji': '😀'.repeat(60_000),
    };
    for (const [what, name] of Object.entries(names)) {
      it(what, async () => {
        const change = { set_labels: { a: 'b' } };
        for (const [method, request] of [
          ['GetNode', { name }],
          ['UpdateNode', { name, change }],
          ['DisconnectNode', { name }],
        ] as const) {
          const bytes = await trailerBytes(kelpied.endpoint, method, request);
          expect(bytes).to.be.within(1, TRAILER_BYTES);
        }
        const failure = await rejectionOf(CallFailure, wire.call('NodeService.GetNode', { name }));
        const { error, info, message } = failure.end;
        const reason = what === '1 MiB' ? 'MESSAGE_TOO_LARGE' : 'NODE_NOT_FOUND';
        expect(error?.reason).to.equal(`ERROR_REASON_${reason}`);
        expect(info?.reason).to.equal(reason);
        expect(message).to.equal(error?.message);
      });
    }

    it('of a method that does not exist', async () => {
      const path = `/${'%F0%9F%98%80'.repeat(4000)}`;
      const { status, message } = await byteCall(kelpied.endpoint, [grpcMessage(Buffer.alloc(0))], {
        path,
      });
      expect(status).to.equal(UNIMPLEMENTED);
      expect(message.length).to.be.below(1024);
    });
  });

  describe('accepts a deadline of any length:', () => {
    // A timer of the runtime can wait 24.8 days.
    const timeouts = ['2147483647m', '2147484S', '99999999S', '35792M', '720H', '99999999H'];
    for (const timeout of timeouts) {
      it(timeout, async () => {
        // Long enough that a timer that fires at once would end the call.
        const wait = { seconds: 0, nanos: 100_000_000 };
        const start = { at: 'START_AT_LATEST' };
        const request = bytesOf('EventService.ReadEvents', { topics: ['a'], start, wait });
        const { status } = await byteCall(kelpied.endpoint, [grpcMessage(request)], {
          path: READ_EVENTS,
          headers: { 'grpc-timeout': timeout },
        });
        expect(status).to.equal(OK);
      });
    }
  });
});

describe('the edge of an embedded coordinator', () => {
  let coordinator: Coordinator;

  before(async () => {
    coordinator = await startCoordinator({ journal: 'memory', port: 0 });
  });

  after(() => coordinator.stop());

  const hello = (more: object = {}) => ({
    frame: {
      $case: 'hello',
      value: {
        name: 'lobby-1',
        role: NodeRole.DOWNSTREAM,
        instanceId: new Uint8Array(16),
        start: { place: { $case: 'at', value: StartAt.LATEST } },
        ...more,
      },
    },
  });

  /** The kinds of the frames that come, or the reason with which the stream fails. */
  const outcomeOf = async (...messages: unknown[]): Promise<string[] | string> => {
    async function* requests(): AsyncGenerator<ConnectRequest> {
      yield* messages as ConnectRequest[];
    }
    const kinds: string[] = [];
    try {
      const { signal } = new AbortController();
      for await (const { frames } of coordinator.transport()(requests(), signal)) {
        kinds.push(...frames.map(({ frame }) => frame?.$case ?? ''));
      }
      return kinds;
    } catch (error) {
      return String((error as { reason?: string }).reason);
    }
  };
  const whole = (frame: object) => ConnectRequest.fromPartial({ frames: [frame] });

  it('accepts the messages that a wire would carry', async () => {
    expect(await outcomeOf(whole(hello()))).to.deep.equal(['welcome']);
  });

  const odd: [string, unknown][] = [
    ['nothing', undefined],
    ['text', 'hello'],
    ['no frames', {}],
    ['an undefined frame', { frames: [undefined] }],
    ['a Hello without a value', { frames: [{ requestId: 0, frame: { $case: 'hello' } }] }],
    ['a name that is not a string', whole(hello({ name: { toString: undefined } }))],
  ];
  for (const [what, message] of odd) {
    it(`refuses ${what} like bytes that are not a message`, async () => {
      expect(await outcomeOf(message)).to.equal('MESSAGE_INVALID');
    });
  }

  for (const number of hostileNumbers) {
    it(`answers a request with the number ${number}`, async () => {
      const message = whole(hello()) as unknown as {
        frames: { requestId: number; frame: { value: { maxPlayers: number } } }[];
      };
      const [first] = message.frames;
      if (first) first.frame.value.maxPlayers = Number(number);
      const outcome = await outcomeOf(message);
      expect(outcome.toString()).to.be.oneOf(['welcome', 'MESSAGE_INVALID', 'OUT_OF_RANGE']);
    });
  }

  it('has the same limits as a wire', async () => {
    const topics = ['a'.repeat(70_000)];
    expect(await outcomeOf(whole(hello({ topics })))).to.equal('HELLO_TOO_LARGE');
    const motd = 'a'.repeat(2 * 1024 * 1024);
    expect(await outcomeOf(whole(hello({ motd })))).to.equal('MESSAGE_TOO_LARGE');
  });
});

/** The bytes of the names and values of the trailers of a call of NodeService. */
async function trailerBytes(endpoint: string, method: string, request: object): Promise<number> {
  const session = connect(`http://${endpoint}`);
  const path = `/kelpie.v1.NodeService/${method}`;
  const stream = session.request({ ...requestHeaders(), ':path': path });
  let bytes = 0;
  const count = (headers: object): void => {
    for (const [name, value] of Object.entries(headers))
      bytes += name.length + String(value).length;
  };
  stream.on('response', count);
  stream.on('trailers', count);
  stream.resume();
  stream.end(grpcMessage(bytesOf(`NodeService.${method}`, request)));
  await once(stream, 'close');
  session.destroy();
  return bytes;
}
