/** The way to a coordinator, below gRPC: its name, its port, and what speaks there. */
import { lookup } from 'node:dns/promises';
import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { type Finding, Trouble } from './finding.js';

const CONNECT_MS = 3000;
const SPEAK_MS = 2000;

/** The first bytes of a client of HTTP/2: its preface, and SETTINGS without a setting. */
const PREFACE = Buffer.concat([
  Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]),
]);
const FRAME_HEADER_BYTES = 9;
const SETTINGS = 4;

/** The host and the port of an endpoint. */
export interface Place {
  readonly host: string;
  readonly port: number;
}

export function placeOf(endpoint: string): Place {
  const at = endpoint.lastIndexOf(':');
  return {
    host: endpoint.slice(0, at).replace(/^\[(.*)\]$/, '$1'),
    port: Number(endpoint.slice(at + 1)),
  };
}

export async function checkName({ host }: Place): Promise<string> {
  if (isIP(host) !== 0) return `${host} is an address`;
  try {
    const found = await lookup(host, { all: true });
    return `${host} is ${found.map(({ address }) => address).join(', ')}`;
  } catch (error) {
    const code = codeOf(error);
    if (code === 'EAI_AGAIN') {
      throw new Trouble(
        `no name server answers for ${host}`,
        'Look at the DNS of this machine, or use an IP address.',
      );
    }
    throw new Trouble(
      `${host} has no address (${code})`,
      'Look at its spelling in --endpoint or KELPIE_ENDPOINTS, and at DNS or /etc/hosts.',
    );
  }
}

/** Variables that name a proxy for HTTP. gRPC in other languages connects through it. */
const PROXIES = ['grpc_proxy', 'https_proxy', 'http_proxy'];

/** Only where the environment names a proxy for HTTP, and does not except the host from it. */
export function checkProxy({ host }: Place): Omit<Finding, 'check'>[] {
  const valueOf = (name: string) => process.env[name] ?? process.env[name.toUpperCase()] ?? '';
  const set = PROXIES.filter((name) => valueOf(name) !== '');
  if (set.length === 0 || valueOf('no_proxy').split(',').includes(host)) return [];
  return [
    {
      status: 'warning',
      finding: `${set.join(', ')} ${set.length === 1 ? 'is' : 'are'} set; this kelpie connects directly all the same`,
      advice: `Clients in other languages may go through it: put ${host} into no_proxy where they run.`,
    },
  ];
}

export async function checkPort(place: Place): Promise<string> {
  const socket = await open(place);
  socket.destroy();
  return `${shown(place)} takes connections`;
}

/** Greets as HTTP/2 does, and looks at the first bytes of the answer. */
export async function checkHttp2(place: Place): Promise<string> {
  const socket = await open(place);
  try {
    socket.write(PREFACE);
    const answer = await firstBytes(socket);
    if (answer.length >= FRAME_HEADER_BYTES && answer[3] === SETTINGS) return 'it speaks HTTP/2';
    if (answer.length === 0 && socket.destroyed && (await speaksTls(place))) throw plainTextToTls();
    throw strange(answer, socket.destroyed);
  } finally {
    socket.destroy();
  }
}

/** A server with TLS hangs up on plain text, as others do that dislike it: only a handshake tells them apart. */
function speaksTls({ host, port }: Place): Promise<boolean> {
  return new Promise((resolve) => {
    // It sends nothing secret, so any certificate will do.
    const socket = connectTls({ host, port, rejectUnauthorized: false, ALPNProtocols: ['h2'] });
    const settle = (speaks: boolean): void => {
      socket.destroy();
      resolve(speaks);
    };
    socket.setTimeout(SPEAK_MS, () => settle(false));
    socket.once('secureConnect', () => settle(true));
    socket.on('error', () => settle(false));
  });
}

function plainTextToTls(): Trouble {
  return new Trouble(
    'it speaks TLS, and this kelpie sent plain text',
    'Give the CA of the coordinator as --ca or KELPIE_CA, or --tls if its CA is a public one.',
  );
}

function strange(answer: Buffer, closed: boolean): Trouble {
  const elsewhere = 'Use the port on which kelpied listens: `kelpied config` prints it.';
  const text = answer.toString('latin1').split(/[^\x20-\x7e]/)[0] ?? '';
  if (text.startsWith('HTTP/1')) {
    return new Trouble(
      `it speaks HTTP/1 (${text})`,
      `This may be its port for metrics, or a web server. ${elsewhere}`,
    );
  }
  if (answer[0] === 0x15 || answer[0] === 0x16) return plainTextToTls();
  if (answer.length > 0) {
    return new Trouble(`it speaks something else than HTTP/2: ${text || 'no text'}`, elsewhere);
  }
  return closed
    ? new Trouble('it hangs up before it says anything', elsewhere)
    : new Trouble(
        `it takes the connection and says nothing for ${SPEAK_MS / 1000} s`,
        `If this is kelpied, its process hangs: look at its log, and restart it. ${elsewhere}`,
      );
}

async function open(place: Place): Promise<Socket> {
  const socket = connect(place);
  // A later error shows where the socket is read; without a listener it would end the process.
  socket.on('error', () => undefined);
  const code = await new Promise<string | undefined>((resolve) => {
    const late = setTimeout(() => resolve('ETIMEDOUT'), CONNECT_MS);
    const settle = (outcome: string | undefined): void => {
      clearTimeout(late);
      resolve(outcome);
    };
    socket.once('connect', () => settle(undefined));
    socket.once('error', (error) => settle(codeOf(error)));
  });
  if (code === undefined) return socket;
  socket.destroy();
  throw unreachable(place, code);
}

function unreachable(place: Place, code: string): Trouble {
  if (code === 'ECONNREFUSED') {
    return new Trouble(
      `nobody listens at ${shown(place)}`,
      'Start kelpied there, or look at its host and port: `kelpied config` prints them, and ' +
        'it listens on loopback alone unless it is told otherwise.',
    );
  }
  return new Trouble(
    `${shown(place)} cannot be reached (${code})`,
    'Look at the firewalls and routes between here and there; the port is TCP.',
  );
}

/** Until there is enough for a frame's header, or nothing more to come. */
async function firstBytes(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  await new Promise<void>((resolve) => {
    const late = setTimeout(resolve, SPEAK_MS);
    const settle = (): void => {
      clearTimeout(late);
      resolve();
    };
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      if (Buffer.concat(chunks).length >= FRAME_HEADER_BYTES) settle();
    });
    socket.once('close', settle);
  });
  return Buffer.concat(chunks);
}

function shown({ host, port }: Place): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error);
}
