/** TLS of the gRPC server: its versions, its limits, and who a peer is by its certificate. */
import { constants } from 'node:crypto';
import type { Http2Session } from 'node:http2';
import { TLSSocket } from 'node:tls';
import { ServerCredentials } from '@grpc/grpc-js';
import type { Certificates } from '../../core/certificates.js';

/** A peer that takes longer for its handshake holds a socket and does nothing with it. */
const HANDSHAKE_MS = 5000;

/** The credentials that grpc-js listens with. It takes new certificates for handshakes to come. */
export class TlsCredentials extends ServerCredentials {
  constructor(certificates: Certificates) {
    const asksForCertificate = certificates.ca !== undefined;
    const server = {
      minVersion: 'TLSv1.2',
      handshakeTimeout: HANDSHAKE_MS,
      requestCert: asksForCertificate,
      rejectUnauthorized: asksForCertificate,
    } as const;
    super(server, contextOf(certificates));
  }

  /** Streams that are open go on. A CA of clients may change, but cannot come or go. */
  renew(certificates: Certificates): void {
    this.updateSecureContextOptions(contextOf(certificates));
  }

  override _equals(other: ServerCredentials): boolean {
    return other === this;
  }
}

function contextOf({ cert, key, ca }: Certificates) {
  return {
    minVersion: 'TLSv1.2',
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
    cert,
    key,
    ca,
  } as const;
}

const names = new WeakMap<Http2Session, string | undefined>();

/** The common name of the peer's certificate, which the handshake has verified. */
export function certificateNameOf(session: Http2Session | undefined): string | undefined {
  if (!session) return undefined;
  if (!names.has(session)) names.set(session, nameIn(session.socket));
  return names.get(session);
}

/** `socket` is the proxy that HTTP/2 puts around the socket. */
function nameIn(socket: Http2Session['socket']): string | undefined {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined;
  const { subject } = socket.getPeerCertificate();
  return typeof subject.CN === 'string' ? subject.CN : undefined;
}
