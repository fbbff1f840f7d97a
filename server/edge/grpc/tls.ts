/** TLS of the gRPC server: its versions, its limits, and who a peer is by its certificate. */
import { constants } from 'node:crypto';
import type { Http2Session } from 'node:http2';
import { TLSSocket } from 'node:tls';
import { ServerCredentials } from '@grpc/grpc-js';
import type { VisitorCertificate } from '../../access/access.js';
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
  const { SSL_OP_NO_RENEGOTIATION, SSL_OP_NO_TICKET } = constants;
  return {
    minVersion: 'TLSv1.2',
    // A handshake that resumes an older one does not look at the client's certificate again.
    secureOptions: SSL_OP_NO_RENEGOTIATION | (ca === undefined ? 0 : SSL_OP_NO_TICKET),
    cert,
    key,
    ca,
  } as const;
}

const certificates = new WeakMap<Http2Session, VisitorCertificate | undefined>();

/** The peer's certificate, which the handshake has verified. */
export function certificateOf(session: Http2Session | undefined): VisitorCertificate | undefined {
  if (!session) return undefined;
  if (!certificates.has(session)) certificates.set(session, certificateIn(session.socket));
  return certificates.get(session);
}

/** `socket` is the proxy that HTTP/2 puts around the socket. */
function certificateIn(socket: Http2Session['socket']): VisitorCertificate | undefined {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined;
  const { subject, valid_to: end } = socket.getPeerCertificate();
  return typeof subject.CN === 'string'
    ? { name: subject.CN, expiresAtMs: Date.parse(end) }
    : undefined;
}
