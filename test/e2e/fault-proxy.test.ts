/** The fault proxy plants exactly the faults that it names, so that other tests can rely on them. */
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { expect } from 'chai';
import { BLACKHOLE, FaultProxy } from '../support/faults/fault-proxy.js';
import { freeze, kill, thaw } from '../support/faults/processes.js';
import { startKelpied } from '../support/process/kelpied.js';
import { Wire } from '../support/wire/wire.js';

describe('the fault proxy', () => {
  let server: Server;
  let proxy: FaultProxy;
  const sockets: Socket[] = [];

  beforeEach(async () => {
    server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    proxy = await FaultProxy.before((server.address() as { port: number }).port);
  });
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    await proxy.close();
    server.close();
  });

  /** Both ends of a connection through the proxy, and what each of them has got. */
  async function pair() {
    const taken = once(server, 'connection') as Promise<[Socket]>;
    const near = connect({ port: proxy.port, host: '127.0.0.1', allowHalfOpen: true });
    const [far] = await taken;
    sockets.push(near, far);
    return { near: new Peer(near), far: new Peer(far) };
  }

  /** All runs in one event loop: bytes that passed would have arrived before a later connection beside the proxy. */
  async function settle(): Promise<void> {
    const { port } = server.address() as { port: number };
    for (let round = 0; round < 3; round++) {
      const near = connect(port, '127.0.0.1');
      const [far] = (await once(server, 'connection')) as [Socket];
      const answer = once(near, 'data');
      far.write('x');
      await answer;
      near.destroy();
      far.destroy();
    }
  }

  it('passes bytes and ends of streams', async () => {
    const { near, far } = await pair();
    near.socket.write('to ');
    near.socket.end('server');
    await far.ended;
    far.socket.end('to client');
    await near.ended;
    expect([far.text, near.text]).to.deep.equal(['to server', 'to client']);
  });

  it('delays each byte, and keeps the order', async () => {
    const { near, far } = await pair();
    proxy.set({ toServer: { delayMs: 100 } });
    const sentMs = performance.now();
    for (const one of ['1', '2', '3']) near.socket.write(one);
    await far.has('123');
    expect(performance.now() - sentMs).to.be.at.least(99);
  });

  it('throttles', async () => {
    const { near, far } = await pair();
    proxy.set({ toServer: { bytesPerSecond: 40_000 } });
    const sentMs = performance.now();
    near.socket.write('x'.repeat(10_000));
    await far.has('x'.repeat(10_000));
    // The last piece leaves when the ones before it have had their time.
    expect(performance.now() - sentMs).to.be.at.least(190);
  });

  it('drops one way in silence, and the bytes arrive when it heals', async () => {
    const { near, far } = await pair();
    proxy.set({ toServer: { drop: true } });
    near.socket.write('lost?');
    far.socket.write('heard');
    await near.has('heard');
    await settle();
    expect(far.text).to.equal('');
    proxy.heal();
    await far.has('lost?');
  });

  it('drops the ends of connections too', async () => {
    const { near, far } = await pair();
    proxy.set(BLACKHOLE);
    far.socket.resetAndDestroy();
    await settle();
    expect(near.socket.destroyed).to.equal(false);
    proxy.heal();
    await near.closed;
  });

  it('holds back a sender whose bytes do not pass', async () => {
    const { near } = await pair();
    proxy.set(BLACKHOLE);
    const block = Buffer.alloc(1 << 20);
    for (let written = 0; written < 32; written++) near.socket.write(block);
    await settle();
    expect(near.socket.writableLength).to.be.greaterThan(8 << 20);
  });

  it('closes one direction alone', async () => {
    const { near, far } = await pair();
    proxy.halfClose('client');
    await near.ended;
    near.socket.write('still here');
    await far.has('still here');
  });

  it('leads new connections elsewhere, and leaves open ones', async () => {
    const { near, far } = await pair();
    const elsewhere = createServer().listen(0, '127.0.0.1');
    await once(elsewhere, 'listening');
    proxy.turnTo((elsewhere.address() as { port: number }).port);
    const taken = once(elsewhere, 'connection') as Promise<[Socket]>;
    sockets.push(connect(proxy.port, '127.0.0.1'), (await taken)[0]);
    near.socket.write('here');
    await far.has('here');
    elsewhere.close();
  });

  it('cuts connections, lets new ones through, and refuses them on request', async () => {
    const { near, far } = await pair();
    proxy.cut();
    await Promise.all([near.closed, far.closed]);
    const again = await pair();
    again.near.socket.write('back');
    await again.far.has('back');
    proxy.refuse();
    await again.near.closed;
    const refused = new Peer(connect(proxy.port, '127.0.0.1'));
    await refused.closed;
    proxy.heal();
    await pair();
    expect(proxy.connections).to.equal(1);
  });
});

describe('faults of processes', () => {
  it('freeze a kelpied that goes on where it was, and kill it', async () => {
    const kelpied = await startKelpied(['--dev']);
    const wire = new Wire(kelpied.endpoint);
    await freeze(kelpied.process);
    let answered = false;
    const answer = wire
      .call('CoordinatorService.GetInfo', {})
      .finally(() => void (answered = true));
    // Another kelpied answers meanwhile.
    const running = await startKelpied(['--dev']);
    await running.stop();
    expect(answered).to.equal(false);
    await thaw(kelpied.process);
    await answer;
    await kill(kelpied.process);
    await kill(kelpied.process);
    expect(kelpied.process.signalCode).to.equal('SIGKILL');
    wire.close();
  });
});

/** One end of a connection. */
class Peer {
  readonly socket: Socket;
  readonly ended: Promise<unknown>;
  readonly closed: Promise<unknown>;
  text = '';

  constructor(socket: Socket) {
    this.socket = socket;
    socket.setEncoding('utf8').on('data', (text: string) => (this.text += text));
    socket.on('error', () => undefined);
    // `once` would reject after a reset, which is no fault here.
    this.ended = new Promise((resolve) => socket.once('end', resolve));
    this.closed = new Promise((resolve) => socket.once('close', resolve));
  }

  async has(text: string): Promise<void> {
    const signal = AbortSignal.timeout(10_000);
    while (this.text !== text) await once(this.socket, 'data', { signal });
  }
}
