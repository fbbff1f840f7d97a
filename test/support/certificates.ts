/** Certificates for tests over real TLS, in memory: a CA, and the servers and clients that it knows. */
import {
  type Issued,
  issueCa,
  issueClient,
  issueServer,
  type Validity,
} from '../../server/ops/certificates/issue.js';

export type { Issued } from '../../server/ops/certificates/issue.js';

const HOUR_MS = 3_600_000;
const LOCAL = ['localhost', '127.0.0.1', '::1'];

/** A CA. Make two where a test needs certificates of a foreign CA. */
export class TestCa {
  /** The certificate of the CA: what its friends trust. */
  readonly certificate: string;
  readonly #ca: Issued;

  private constructor(ca: Issued) {
    this.#ca = ca;
    this.certificate = ca.certificate;
  }

  static async make(): Promise<TestCa> {
    return new TestCa(await issueCa('Kelpie test CA', valid()));
  }

  /** A certificate for a coordinator on this machine, or under other names. */
  server(hosts: readonly string[] = LOCAL): Promise<Issued> {
    return issueServer(this.#ca, hosts, valid());
  }

  /** A certificate that is good for half as long as the others. */
  shortServer(): Promise<Issued> {
    return issueServer(this.#ca, LOCAL, between(-HOUR_MS, HOUR_MS / 2));
  }

  expiredServer(): Promise<Issued> {
    return issueServer(this.#ca, LOCAL, expired());
  }

  /** A certificate for a client with this common name. */
  client(commonName: string): Promise<Issued> {
    return issueClient(this.#ca, commonName, valid());
  }

  expiredClient(commonName: string): Promise<Issued> {
    return issueClient(this.#ca, commonName, expired());
  }
}

function valid(): Validity {
  return between(-HOUR_MS, HOUR_MS);
}

function expired(): Validity {
  return between(-2 * HOUR_MS, -HOUR_MS);
}

function between(fromMs: number, toMs: number): Validity {
  const now = Date.now();
  return { notBefore: new Date(now + fromMs), notAfter: new Date(now + toMs) };
}
