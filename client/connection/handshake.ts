/** Why a connection to a coordinator does not open, where TLS is the reason. */
import type { Socket } from 'node:net';
import { connect, type ConnectionOptions, type PeerCertificate, type TLSSocket } from 'node:tls';
import { type FailureReason, KelpieError, messageOf } from '../errors.js';
import { cutText } from '../core/text.js';
import { isLoopback } from '../core/loopback.js';
import { hostOf } from './tls.js';

/** An error of a handshake, as Node.js gives it. */
interface TlsError extends Error {
  readonly code?: string;
  readonly cert?: PeerCertificate;
}

type Meaning = readonly [
  codes: RegExp,
  reason: FailureReason,
  message: (endpoint: string, error: TlsError) => string,
];

/** The meanings of the codes of Node.js. */
const meanings: readonly Meaning[] = [
  [
    /SELF_SIGNED|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER|CERT_SIGNATURE|CERT_UNTRUSTED|INVALID_CA/,
    'CERTIFICATE_UNTRUSTED',
    (endpoint, { message }) =>
      `no CA that this client trusts has signed the certificate of ${endpoint} (${message}); give the CA of this ` +
      'coordinator as ca, --ca or KELPIE_CA',
  ],
  [/CERT_HAS_EXPIRED/, 'CERTIFICATE_EXPIRED', (endpoint) => outOfDate(endpoint, 'has expired')],
  [
    /CERT_NOT_YET_VALID/,
    'CERTIFICATE_EXPIRED',
    (endpoint) => outOfDate(endpoint, 'is not valid yet'),
  ],
  [
    /CERT_ALTNAME/,
    'CERTIFICATE_WRONG_HOST',
    (endpoint, { cert }) =>
      `the certificate of ${endpoint} is for ${cutText(cert?.subjectaltname ?? 'others', NAMES)}, and not for ` +
      `${hostOf(endpoint)}; connect to one of these, or make a certificate for all of them on its machine: ` +
      `kelpied certs --force ${[...namesIn(cert?.subjectaltname), hostOf(endpoint)].join(' ')}`,
  ],
  [
    /ALERT_CERTIFICATE_REQUIRED/,
    'CLIENT_CERTIFICATE_REQUIRED',
    (endpoint) =>
      `${endpoint} demands a client certificate; give one as cert and key, as --cert and --key, or as KELPIE_CERT ` +
      'and KELPIE_KEY',
  ],
  [
    /WRONG_VERSION_NUMBER/,
    'TLS_UNSUPPORTED',
    (endpoint) =>
      `${endpoint} does not speak TLS; start kelpied with --tls-cert and --tls-key, or ${plainText(endpoint)}`,
  ],
];

const other: Meaning = [
  /./,
  'TLS_FAILED',
  (endpoint, error) => `the handshake with ${endpoint} failed: ${messageOf(error).trim()}`,
];

function plainText(endpoint: string): string {
  return isLoopback(hostOf(endpoint))
    ? 'leave the CA and the certificates out (ca, --ca, KELPIE_CA, --tls): on this machine plain text will do'
    : 'ask for plain text by name (insecure, --insecure) on a network that you trust';
}

/** The most letters of the names in a certificate that a message shows. */
const NAMES = 200;

/** How long an endpoint has to show that it speaks TLS. */
const PROBE_MS = 2000;

/** The error of a handshake with the coordinator at the endpoint. */
export function handshakeError(endpoint: string, thrown: unknown): KelpieError {
  if (thrown instanceof KelpieError) return thrown;
  const error = thrown as TlsError;
  const [, reason, message] = meanings.find(([codes]) => codes.test(error.code ?? '')) ?? other;
  return new KelpieError(reason, message(endpoint, error), { cause: thrown });
}

/** The names and IP addresses, as `kelpied certs` takes them; none if they are too many for a message. */
function namesIn(subjectAltName = ''): string[] {
  if (subjectAltName.length > NAMES) return [];
  const names = subjectAltName.split(', ').map((one) => /^(?:DNS|IP Address):(.+)$/.exec(one)?.[1]);
  return names.filter((one) => one !== undefined && /^[\w.:*-]+$/.test(one)) as string[];
}

function outOfDate(endpoint: string, how: string): string {
  return `the certificate of ${endpoint} ${how} by the clock of this machine; renew it (kelpied certs --force), or set the clock`;
}

/** The coordinator closed the connection between the handshake and its first frame. */
export function refusedAfterHandshake(endpoint: string): KelpieError {
  return new KelpieError(
    'CLIENT_CERTIFICATE_REFUSED',
    `${endpoint} closed the connection when it saw the certificate of this client; it must be a valid one of the ` +
      'CA that kelpied has as --tls-client-ca',
  );
}

/** For a client that sent plain text. Resolves with undefined if the endpoint does not speak TLS. */
export function tlsRequired(endpoint: string): Promise<KelpieError | undefined> {
  return new Promise((resolve) => {
    const host = hostOf(endpoint);
    const port = Number(endpoint.slice(endpoint.lastIndexOf(':') + 1));
    // It sends nothing to the other side, so any certificate will do.
    const socket = connect({ host, port, rejectUnauthorized: false, ALPNProtocols: ['h2'] });
    const end = (error?: KelpieError): void => {
      socket.destroy();
      resolve(error);
    };
    socket.setTimeout(PROBE_MS, () => end());
    socket.once('error', () => end());
    socket.once('close', () => end());
    socket.once('secureConnect', () => {
      const message = `${endpoint} speaks TLS, and this client sent plain text; give the CA of this coordinator as ca, --ca or KELPIE_CA`;
      end(new KelpieError('TLS_REQUIRED', message));
    });
  });
}

/** Resolves when the handshake is done, and rejects with the error of Node.js. */
export function handshake(socket: Socket, options: ConnectionOptions): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const secure = connect({ ...options, socket }, () => resolve(secure));
    // A later error has a listener too, so that it throws nowhere.
    secure.on('error', reject);
    secure.once('close', () => reject(new Error('the coordinator closed the connection')));
  });
}
