/** Connections end when nobody uses them, and an address has a limited number of them. */
import { EventEmitter } from 'node:events';
import type { Http2Session, ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import { expect } from 'chai';
import { Connections } from '../../../server/edge/grpc/connections.js';
import { FakeClock } from '../../support/clock/fake-clock.js';

const HELLO_MS = 5000;
const REST_MS = 300_000;
const CHECK_MS = 60_000;
const SWEEP_MS = 1000;

describe('connections', () => {
  let clock: FakeClock;
  let connections: Connections;
  let limited: string[];

  beforeEach(() => {
    clock = new FakeClock();
    limited = [];
    connections = new Connections({
      clock,
      listening: clock,
      limits: { addressConnections: 2 },
      times: { helloMs: HELLO_MS },
      onLimit: (limit) => limited.push(limit),
    });
  });

  afterEach(() => connections.close());

  const used = (port: number) => {
    const connection = connect(connections, port);
    connections.used(`10.0.0.1:${port}`);
    return connection;
  };

  it('that nobody uses end after the time for a Hello', () => {
    const { socket } = connect(connections, 1);
    clock.advance(HELLO_MS - SWEEP_MS);
    expect(socket.ended).to.equal('');
    clock.advance(SWEEP_MS);
    expect(socket.ended).to.equal('destroyed');
    expect(limited).to.deep.equal(['idle']);
  });

  it('that nobody uses end with their last call', () => {
    const { socket, session } = connect(connections, 1);
    const stream = streamOf(session);
    connections.call(stream);
    clock.advance(3 * HELLO_MS);
    expect(socket.ended).to.equal('');
    stream.emit('close');
    clock.advance(SWEEP_MS);
    expect(socket.ended).to.equal('destroyed');
  });

  it('that were used may rest for minutes, and are then asked to close', () => {
    const { socket, session } = used(1);
    clock.advance(REST_MS - SWEEP_MS);
    expect(session.ended).to.equal('');
    const stream = streamOf(session);
    connections.call(stream);
    clock.advance(REST_MS);
    stream.emit('close');
    clock.advance(REST_MS - SWEEP_MS);
    expect(session.ended).to.equal('');
    clock.advance(SWEEP_MS);
    expect(session.ended).to.equal('closed');
    expect(socket.ended, 'it may take its last frame').to.equal('');
    clock.advance(2 * HELLO_MS);
    expect(socket.ended).to.equal('destroyed');
  });

  it('that check the health without a credential may rest until the next check', () => {
    const { socket, session } = connect(connections, 1);
    connections.checked('10.0.0.1:1');
    clock.advance(CHECK_MS - SWEEP_MS);
    connections.checked('10.0.0.1:1');
    clock.advance(CHECK_MS - SWEEP_MS);
    expect([socket.ended, session.ended]).to.deep.equal(['', '']);
    expect(limited).to.deep.equal([]);
    clock.advance(SWEEP_MS);
    expect(session.ended).to.equal('closed');
    expect(limited).to.deep.equal(['idle']);
  });

  it('that HTTP/2 has given up end, whatever their peers take', () => {
    const { socket, session } = used(1);
    connections.call(streamOf(session));
    session.destroy();
    clock.advance(HELLO_MS);
    expect(socket.ended).to.equal('');
    clock.advance(2 * SWEEP_MS);
    expect(socket.ended).to.equal('destroyed');
  });

  it('of one address are limited, until one of them closes', () => {
    const [first] = [used(1), used(2)];
    expect(connect(connections, 3).socket.ended).to.equal('destroyed');
    expect(connect(connections, 3, '10.0.0.2').socket.ended).to.equal('');
    expect(limited).to.deep.equal(['connections']);
    first.socket.emit('close');
    expect(connect(connections, 3).socket.ended).to.equal('');
  });

  it('of one IPv6 network count together', () => {
    for (const host of ['2001:db8::1', '2001:db8:0:0:ffff::2', '2001:db8::3'])
      connect(connections, 1, host);
    connect(connections, 1, '2001:db8:0:1::3');
    expect(limited).to.deep.equal(['connections']);
  });
});

class FakeSocket extends EventEmitter {
  ended = '';
  readonly remoteAddress: string;
  readonly remotePort: number;

  constructor(host: string, port: number) {
    super();
    this.remoteAddress = host;
    this.remotePort = port;
  }

  destroy(): void {
    this.ended = 'destroyed';
  }
}

class FakeSession {
  ended = '';
  readonly socket: FakeSocket;

  constructor(socket: FakeSocket) {
    this.socket = socket;
  }

  get destroyed(): boolean {
    return this.ended === 'destroyed';
  }

  destroy(): void {
    this.ended = 'destroyed';
  }

  close(): void {
    this.ended = 'closed';
  }
}

function connect(connections: Connections, port: number, host = '10.0.0.1') {
  const socket = new FakeSocket(host, port);
  const session = new FakeSession(socket);
  if (connections.admit(socket as unknown as Socket))
    connections.began(session as unknown as Http2Session);
  return { socket, session };
}

function streamOf(session: FakeSession): ServerHttp2Stream {
  return Object.assign(new EventEmitter(), { session }) as unknown as ServerHttp2Stream;
}
