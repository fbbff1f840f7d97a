/** `kelpie doctor` against faults of a coordinator, and of the way to it. */
import { createSocket } from 'node:dgram';
import { createServer as createHttp } from 'node:http';
import { createServer as createHttp2 } from 'node:http2';
import { createServer, type Server, type Socket } from 'node:net';
import { once } from 'node:events';
import { expect } from 'chai';
import { version } from '../../client/core/version.js';
import { runKelpie } from '../support/process/cli.js';
import { type Kelpied, startKelpied } from '../support/process/kelpied.js';
import { startStandIn } from '../support/wire/stand-in.js';
import { Wire } from '../support/wire/wire.js';

interface Examined {
  endpoint: string;
  fine: boolean;
  checks: { check: string; status: string; finding: string; advice?: string }[];
}

const examined = (output: string): Examined[] =>
  output.split('\n').map((line) => JSON.parse(line) as Examined);

/** Starts a server, and returns its port. The server closes after the test. */
const servers: Server[] = [];
async function listening(server: Server): Promise<string> {
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('it has no port');
  return `127.0.0.1:${address.port}`;
}
const speaking = (handle: (socket: Socket) => void): Promise<string> =>
  listening(createServer((socket) => handle(socket.on('error', () => undefined))));

describe('kelpie doctor', () => {
  afterEach(() => {
    for (const server of servers.splice(0)) server.close();
  });

  describe('with a healthy coordinator', () => {
    let kelpied: Kelpied;
    let wire: Wire;
    const bedrock: BedrockServer[] = [];

    before(async () => {
      kelpied = await startKelpied(['--drain-seconds', '0']);
      wire = new Wire(kelpied.endpoint);
    });
    after(async () => {
      wire.close();
      await kelpied.stop();
    });
    afterEach(async () => {
      await wire.leave();
      for (const server of bedrock.splice(0)) server.close();
    });

    const server = async (answer?: (ping: Buffer) => Buffer | undefined) => {
      const started = await startBedrockServer(answer);
      bedrock.push(started);
      return started;
    };
    const joinAt = (name: string, port: number, role = 'NODE_ROLE_DOWNSTREAM') =>
      wire.join(name, { role, address: { host: '127.0.0.1', port } });

    it('goes through every check, marks each, and ends with 0', async () => {
      const { code, output, errors } = await runKelpie(['doctor'], kelpied.endpoint);
      expect(errors).to.equal('');
      expect(code).to.equal(0);
      const lines = output.split('\n').map((line) => line.split(/ {2,}/));
      expect(lines.map(([mark, check]) => `${mark} ${check}`)).to.deep.equal([
        '✓ name',
        '✓ port',
        '✓ TLS',
        '✓ gRPC',
        '✓ token',
        '✓ health',
        '✓ version',
        '✓ round trip',
        '✓ journal',
        '✓ nodes',
      ]);
      const finding = new Map(lines.map(([, check = '', text = '']) => [check, text]));
      expect(finding.get('TLS')).to.match(/^not used: nothing leaves/);
      expect(finding.get('token')).to.match(/^not asked for/);
      expect(finding.get('health')).to.equal('SERVING');
      expect(finding.get('version')).to.include(version);
      expect(finding.get('round trip')).to.match(
        /^median \d+\.\d ms, least \d+\.\d ms, of 20 calls$/,
      );
      expect(finding.get('journal')).to.match(/^in memory.* holds \d+ entries/);
    });

    it('pings proxies and servers, and warns of each that does not answer', async () => {
      const open = await server();
      await joinAt('edge', open.port, 'NODE_ROLE_PROXY');
      await joinAt('open', open.port);
      await joinAt('silent', (await server(() => undefined)).port);
      await joinAt('other', (await server(() => Buffer.from('HELLO'))).port);
      const late = (ping: Buffer) => pong(Buffer.concat([ping.subarray(0, 1), Buffer.alloc(8)]));
      await joinAt('stale', (await server(late)).port);
      const closed = await server();
      bedrock.pop()?.close();
      await joinAt('closed', closed.port);
      await wire.join('lost', {
        role: 'NODE_ROLE_DOWNSTREAM',
        address: { host: 'nowhere.invalid', port: 1 },
      });
      // No players can reach these two.
      const unasked = await server();
      await joinAt('shop', unasked.port, 'NODE_ROLE_SERVICE');
      await wire.join('bare', { role: 'NODE_ROLE_DOWNSTREAM' });

      const { code, output } = await runKelpie(['doctor', '--json'], kelpied.endpoint);
      expect(code).to.equal(0);
      const [{ checks, fine, endpoint } = { checks: [], fine: false, endpoint: '' }] =
        examined(output);
      expect({ fine, endpoint }).to.deep.equal({ fine: true, endpoint: kelpied.endpoint });
      const [first, ...warnings] = checks.filter(({ check }) => check === 'nodes');
      expect(first).to.deep.include({
        status: 'warning',
        finding: '2 of 7 answer a RakNet ping',
      });
      const said = warnings.map(({ finding }) => finding.replaceAll(/:\d+,/g, ','));
      expect(said).to.deep.equal([
        'closed (READY) at 127.0.0.1, UDP: nobody listens there',
        'lost (READY) at nowhere.invalid, UDP: its name has no address',
        'other (READY) at 127.0.0.1, UDP: what answers is no Bedrock server',
        'silent (READY) at 127.0.0.1, UDP: no answer in 1 s',
        'stale (READY) at 127.0.0.1, UDP: what answers is no Bedrock server',
      ]);
      for (const { status, advice } of warnings) {
        expect(status).to.equal('warning');
        expect(advice).to.include('firewall');
      }
      // The ping of RakNet: id, time, magic, guid.
      expect(open.pings.map((ping) => ping.length)).to.deep.equal([33, 33]);
      const magic = open.pings[0]?.subarray(9, 25).toString('hex');
      expect(magic).to.equal('00ffff00fefefefefdfdfdfd12345678');
      expect(unasked.pings).to.be.empty;
    });

    it('pings at most 20, and prints how many more there are', async () => {
      const open = await server();
      for (let number = 0; number < 23; number++) await joinAt(`server-${number}`, open.port);
      const { code, output } = await runKelpie(['doctor'], kelpied.endpoint);
      expect(code).to.equal(0);
      expect(output).to.include(
        '✓  nodes       20 of 20 answer a RakNet ping; 3 more were not asked',
      );
      expect(open.pings).to.have.length(20);
    });

    it('checks every endpoint, and ends with 1 if one is not healthy', async () => {
      const gone = await speaking(() => undefined);
      servers.pop()?.close();
      const { code, output } = await runKelpie(
        ['doctor', '--json', '--endpoint', `${gone},${kelpied.endpoint}`],
        undefined,
      );
      expect(code).to.equal(1);
      expect(examined(output).map(({ endpoint, fine }) => [endpoint, fine])).to.deep.equal([
        [gone, false],
        [kelpied.endpoint, true],
      ]);
    });
  });

  /** Checks that doctor ends with this failed check, with this finding and advice. */
  async function failsAt(check: string, endpoint: string, finding: RegExp, advice: RegExp) {
    const { code, output } = await runKelpie(['doctor', '--json'], endpoint);
    const [{ checks, fine } = { checks: [], fine: true }] = examined(output);
    const last = checks.at(-1);
    expect(last?.finding).to.match(finding);
    expect(last).to.deep.include({ check, status: 'failed' });
    expect(last?.advice).to.match(advice);
    expect(checks.filter(({ status }) => status === 'failed')).to.have.length(1);
    expect(fine).to.equal(false);
    expect(code).to.equal(1);
  }

  describe('stops at the first check that fails, prints advice, and ends with 1', () => {
    it('for a name without an address', () =>
      failsAt('name', 'nowhere.invalid:50051', /nowhere\.invalid/, /DNS/));

    it('for a port without a listener', async () => {
      const gone = await speaking(() => undefined);
      servers.pop()?.close();
      await failsAt('port', gone, /nobody listens at 127\.0\.0\.1:\d+/, /Start kelpied/);
      const { output } = await runKelpie(['doctor'], gone);
      expect(output.split('\n').map((line) => line.slice(0, 13).trimEnd())).to.deep.equal([
        '✓  name',
        '✗  port',
        '',
      ]);
    });

    it('for HTTP/1, such as the port of its metrics', async () => {
      const web = await listening(createHttp());
      await failsAt('gRPC', web, /HTTP\/1/, /metrics.*kelpied config/);
    });

    it('for TLS', async () => {
      // An alert: the answer of a TLS server to other bytes than a handshake.
      const alert = Buffer.from([0x15, 3, 1, 0, 2, 2, 70]);
      await failsAt(
        'gRPC',
        await speaking((socket) => socket.end(alert)),
        /TLS/,
        /--ca or KELPIE_CA/,
      );
    });

    it('for another protocol, whose greeting it shows', async () => {
      const ssh = await speaking((socket) => socket.write('SSH-2.0-OpenSSH_9.6\r\n'));
      await failsAt('gRPC', ssh, /SSH-2\.0-OpenSSH_9\.6$/, /kelpied config/);
    });

    it('for a process that closes the connection', async () => {
      const rude = await speaking((socket) => socket.destroy());
      await failsAt('gRPC', rude, /hangs up/, /kelpied config/);
    });

    it('for a process that accepts the connection and hangs', async () => {
      const kelpied = await startKelpied();
      kelpied.process.kill('SIGSTOP');
      try {
        await failsAt('gRPC', kelpied.endpoint, /says nothing for 2 s/, /restart it/);
      } finally {
        kelpied.process.kill('SIGCONT');
        await kelpied.stop();
      }
    });

    it('for HTTP/2 that is no coordinator', async () => {
      const other = createHttp2((_, response) => response.writeHead(404).end());
      await failsAt('health', await listening(other), /refuses a call/, /kelpied config/);
    });

    it('for a coordinator that is about to stop', async () => {
      const kelpied = await startKelpied(['--drain-seconds', '30']);
      const wire = new Wire(kelpied.endpoint);
      const { stream } = await wire.join('slow-to-go');
      const stopped = kelpied.stop();
      await stream.next('drain');
      await failsAt('health', kelpied.endpoint, /DRAINING/, /started again/);
      await wire.leave();
      wire.close();
      expect(await stopped).to.equal(0);
    });

    it('for a coordinator that does not answer a call', async () => {
      const stuck = await startStandIn(undefined);
      try {
        await failsAt('version', stuck.endpoint, /no answer in 5 s/, /log of kelpied/);
      } finally {
        await stuck.stop();
      }
    });

    it('for a coordinator of another major version', async () => {
      const strange = await startStandIn({ version: '97.1.0' });
      try {
        const [finding, advice] = [/coordinator is 97\.1\.0.* kelpie is \d/, /version 97/];
        await failsAt('version', strange.endpoint, finding, advice);
      } finally {
        await strange.stop();
      }
    });
  });
});

const MAGIC = Buffer.from('00ffff00fefefefefdfdfdfd12345678', 'hex');

interface BedrockServer {
  readonly port: number;
  /** The pings that it received. */
  readonly pings: readonly Buffer[];
  close(): void;
}

/** A small Bedrock server: it sends `answer` of each RakNet ping, or nothing for undefined. */
async function startBedrockServer(
  answer: (ping: Buffer) => Buffer | undefined = pong,
): Promise<BedrockServer> {
  const socket = createSocket('udp4');
  const pings: Buffer[] = [];
  socket.on('message', (ping, { port, address }) => {
    pings.push(ping);
    const answered = answer(ping);
    if (answered) socket.send(answered, port, address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return { port: socket.address().port, pings, close: () => socket.close() };
}

/** The pong of the protocol: its id, the time of the ping, the server's guid, the magic, a text with its length. */
function pong(ping: Buffer): Buffer {
  const text = Buffer.from('MCPE;Lobby;800;1.21.80;3;20;1;Kelpie;Survival;');
  const length = Buffer.alloc(2);
  length.writeUInt16BE(text.length);
  return Buffer.concat([
    Buffer.from([0x1c]),
    ping.subarray(1, 9),
    Buffer.alloc(8, 7),
    MAGIC,
    length,
    text,
  ]);
}
