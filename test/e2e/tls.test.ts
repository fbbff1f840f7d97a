/** TLS over real sockets: who gets in, and which error names the reason if a handshake fails. */
import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import { expect } from 'chai';
import { apiAt } from '../../client/api/index.js';
import { connect, KelpieError, type TlsOptions } from '../../client/index.js';
import { type Coordinator, startCoordinator } from '../../server/coordinator.js';
import { type Issued, TestCa } from '../support/certificates.js';
import { rejectionOf } from '../support/thrown.js';

describe('TLS', () => {
  let ca: TestCa;
  let foreign: TestCa;
  let client: Issued;
  const coordinators = new Map<string, Coordinator>();

  /** Resolves when the coordinator has closed the connection. It takes some seconds, in which other tests run. */
  let slow: Promise<unknown>;

  const start = async (name: string, server?: Issued, clientCa?: string): Promise<void> => {
    const tls = server && { ...server, clientCa };
    coordinators.set(name, await startCoordinator({ port: 0, journal: 'memory', tls }));
  };
  const portOf = (name: string): number => coordinators.get(name)?.port ?? 0;

  before(async () => {
    [ca, foreign] = await Promise.all([TestCa.make(), TestCa.make()]);
    client = await ca.client('lobby-1');
    const server = await ca.server();
    await start('plain');
    await start('tls', server);
    await start('mutual', server, ca.certificate);
    slow = slowHandshake(portOf('tls'));
    await start('expired', await ca.expiredServer());
    await start('elsewhere', await ca.server(['kelpie.example.org']));
  });
  after(() => Promise.all([...coordinators.values()].map((one) => one.stop())));

  /** Calls the coordinator of this name, and resolves with the network that it serves. */
  const call = async (name: string, options: TlsOptions, host = '127.0.0.1'): Promise<string> => {
    const api = apiAt(`${host}:${portOf(name)}`, options);
    try {
      return (await api.coordinator.info()).network;
    } finally {
      api.close();
    }
  };

  it('carries calls and sessions, with certificates as text', async () => {
    const trusted = { ca: ca.certificate };
    expect(await call('tls', trusted)).to.equal('main');
    expect(await call('tls', trusted, 'localhost')).to.equal('main');
    const own = { cert: client.certificate, key: client.key };
    expect(await call('mutual', { ...trusted, ...own })).to.equal('main');
    const node = connect({
      ...{ name: 'lobby-1', role: 'DOWNSTREAM', ...trusted, ...own },
      endpoints: `127.0.0.1:${portOf('mutual')}`,
    });
    await node.ready();
    expect((await node.api.nodes.get('lobby-1')).name).to.equal('lobby-1');
    await node.close();
  });

  const refusals: [
    what: string,
    at: string,
    options: () => TlsOptions | Promise<TlsOptions>,
    reason: string,
    message: RegExp,
  ][] = [
    [
      'a coordinator of another CA',
      'tls',
      () => ({ ca: foreign.certificate }),
      'CERTIFICATE_UNTRUSTED',
      /KELPIE_CA/,
    ],
    [
      'a coordinator without a CA of its own',
      'tls',
      () => ({ tls: true }),
      'CERTIFICATE_UNTRUSTED',
      /--ca/,
    ],
    [
      'an expired certificate',
      'expired',
      () => ({ ca: ca.certificate }),
      'CERTIFICATE_EXPIRED',
      /has expired.*clock/,
    ],
    [
      'a certificate for another host',
      'elsewhere',
      () => ({ ca: ca.certificate }),
      'CERTIFICATE_WRONG_HOST',
      /DNS:kelpie\.example\.org.*kelpied certs --force kelpie\.example\.org 127\.0\.0\.1/,
    ],
    ['plain text to TLS', 'tls', () => ({}), 'TLS_REQUIRED', /speaks TLS.*plain text/],
    ['plain text by name to TLS', 'tls', () => ({ insecure: true }), 'TLS_REQUIRED', /speaks TLS/],
    [
      'TLS to plain text',
      'plain',
      () => ({ ca: ca.certificate }),
      'TLS_UNSUPPORTED',
      /--tls-cert.*leave the CA/,
    ],
    [
      'no client certificate',
      'mutual',
      () => ({ ca: ca.certificate }),
      'CLIENT_CERTIFICATE_REQUIRED',
      /KELPIE_CERT/,
    ],
    [
      'a client certificate of another CA',
      'mutual',
      async () => ofClient(await foreign.client('x')),
      'CLIENT_CERTIFICATE_REFUSED',
      /--tls-client-ca/,
    ],
    [
      'an expired client certificate',
      'mutual',
      async () => ofClient(await ca.expiredClient('x')),
      'CLIENT_CERTIFICATE_REFUSED',
      /--tls-client-ca/,
    ],
    [
      'a server certificate as that of a client',
      'mutual',
      async () => ofClient(await ca.server()),
      'CLIENT_CERTIFICATE_REFUSED',
      /--tls-client-ca/,
    ],
  ];
  const ofClient = ({ certificate, key }: Issued): TlsOptions => ({
    ...{ ca: ca.certificate, cert: certificate, key },
  });

  for (const [what, at, options, reason, message] of refusals) {
    it(`names ${what} as the reason: ${reason}`, async () => {
      const given = await options();
      const error = await rejectionOf(KelpieError, call(at, given));
      expect(error.message).to.match(message);
      expect(error.reason).to.equal(reason);
      // A client goes on trying, and says why.
      const endpoints = `127.0.0.1:${portOf(at)}`;
      const warnings: string[] = [];
      const logger = { warn: (one: string) => void warnings.push(one) };
      const node = connect({ name: 'a', role: 'SERVICE', endpoints, logger, ...given });
      for await (const status of node.status()) {
        if (status.type !== 'disconnected') continue;
        expect(status.error?.reason).to.equal(reason);
        break;
      }
      expect(node.connectionState).to.equal('CONNECTING');
      await node.close();
    });
  }

  it('keeps the reason apart from a coordinator that is not there', async () => {
    const error = await rejectionOf(KelpieError, connectionTo('127.0.0.1:1'));
    expect(error.reason).to.equal('UNAVAILABLE');
  });
  const connectionTo = async (endpoint: string): Promise<unknown> => {
    const api = apiAt(endpoint, { ca: ca.certificate });
    return api.coordinator.info().finally(() => api.close());
  };

  const handshake = (options: ConnectionOptions): Promise<string | null> =>
    new Promise((resolve, reject) => {
      const all = { port: portOf('tls'), host: '127.0.0.1', ca: ca.certificate, ...options };
      const socket = connectTls(all, () => {
        resolve(socket.getProtocol());
        socket.destroy();
      }).on('error', reject);
    });

  it('is of version 1.2 or 1.3, and speaks HTTP/2 alone', async () => {
    expect(await handshake({ ALPNProtocols: ['h2'] })).to.equal('TLSv1.3');
    expect(await handshake({ ALPNProtocols: ['h2'], maxVersion: 'TLSv1.2' })).to.equal('TLSv1.2');
    // The lowest level of OpenSSL lets this client begin with an old version.
    const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' } as const;
    const refused = await rejectionOf(Error, handshake(old));
    expect((refused as NodeJS.ErrnoException).code).to.match(/ALERT_PROTOCOL_VERSION/);
    const http1 = await rejectionOf(Error, handshake({ ALPNProtocols: ['http/1.1'] }));
    expect((http1 as NodeJS.ErrnoException).code).to.match(/NO_APPLICATION_PROTOCOL/);
  });

  it('verifies the certificate of a client in each handshake: none resumes an older one', async () => {
    const own = { cert: client.certificate, key: client.key, ca: ca.certificate };
    const handshake = async (session?: Buffer) => {
      const socket = connectTls({
        ...{ ...own, session, host: '127.0.0.1', port: portOf('mutual') },
        ...{ maxVersion: 'TLSv1.2', ALPNProtocols: ['h2'] },
      });
      await once(socket, 'secureConnect');
      const facts = { session: socket.getSession(), resumes: socket.isSessionReused() };
      socket.destroy();
      return facts;
    };
    const { session } = await handshake();
    expect((await handshake(session)).resumes).to.equal(false);
  });

  it('refuses to renegotiate', async () => {
    const error = await new Promise<Error | null>((resolve) => {
      const options = { port: portOf('tls'), host: '127.0.0.1', ca: ca.certificate };
      const socket = connectTls({ ...options, maxVersion: 'TLSv1.2', ALPNProtocols: ['h2'] }, () =>
        socket.renegotiate({}, resolve),
      ).on('error', resolve);
    });
    expect((error as NodeJS.ErrnoException).code).to.equal('ERR_SSL_NO_RENEGOTIATION');
  });

  it('closes a connection whose handshake does not end', async () => {
    await slow;
  });

  it('takes a certificate, a key and a CA that fit together', async () => {
    const [server, other] = await Promise.all([ca.server(), ca.server()]);
    for (const [tls, message] of [
      [{ ...server, key: other.key }, /the key does not belong to the certificate/],
      [
        { ...server, certificate: '/nowhere/cert.pem' },
        /the certificate cannot be read: ENOENT.*\/nowhere\/cert\.pem/,
      ],
      [{ ...server, certificate: server.key }, /the certificate is no certificate in PEM/],
      [{ ...server, key: server.certificate }, /the key is no private key in PEM/],
      [{ ...server, clientCa: server.key }, /the CA of clients is no certificate/],
    ] as const) {
      const starting = startCoordinator({ port: 0, journal: 'memory', tls });
      const error = await rejectionOf(RangeError, starting);
      expect(error.message).to.match(message).and.not.include('PRIVATE KEY-----');
    }
  });

  it('of a client takes options that fit together', () => {
    for (const [options, reason, message] of [
      [{ insecure: true, tls: true }, 'VALUE_INVALID', /insecure means plain text/],
      [{ cert: client.certificate }, 'VALUE_INVALID', /cert needs key/],
      [{ key: client.key }, 'VALUE_INVALID', /key needs cert/],
      [{ ca: '/nowhere/ca.pem' }, 'FILE_INVALID', /\/nowhere\/ca\.pem cannot be read/],
      [{ cert: client.key, key: client.key }, 'FILE_INVALID', /has no certificate/],
    ] as const) {
      const error = [apiAt, connectAt].map((make) => {
        try {
          make('127.0.0.1:1', options);
        } catch (thrown) {
          return thrown as KelpieError;
        }
        throw new Error('nothing was thrown');
      });
      for (const one of error) {
        expect(one.message).to.match(message).and.not.include('PRIVATE KEY-----');
        expect(one.reason).to.equal(reason);
      }
    }
  });
  const connectAt = (endpoints: string, options: TlsOptions): unknown =>
    connect({ name: 'a', role: 'SERVICE', endpoints, ...options });
});

function slowHandshake(port: number): Promise<unknown> {
  const socket = connectTcp(port, '127.0.0.1').on('error', () => undefined);
  // The head of a record of 512 bytes, and nothing more.
  socket.write(Buffer.from([22, 3, 1, 2, 0]));
  return new Promise((resolve) => socket.once('close', resolve));
}
