/** Certificates over time: kelpied certs makes them, and a coordinator takes new ones while it runs. */
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { expect } from 'chai';
import { connect, KelpieError, type TlsOptions } from '../../client/index.js';
import { apiAt } from '../../client/api/index.js';
import { type Coordinator, startCoordinator } from '../../server/coordinator.js';
import { type Issued, TestCa } from '../support/certificates.js';
import { dataFolder, removeDataFolders } from '../support/process/data-folder.js';
import { runKelpied } from '../support/process/kelpied.js';
import { rejectionOf } from '../support/thrown.js';
import { until } from '../support/until.js';

after(removeDataFolders);

describe('A coordinator whose certificates change', () => {
  let coordinator: Coordinator;
  let ca: TestCa;
  let folder: string;
  const log: string[] = [];
  const take = (facts: object, message: string): void =>
    void log.push(`${message} ${JSON.stringify(facts)}`);
  const logger = { debug: take, info: take, warn: take, error: take };

  const write = ({ certificate, key }: Issued): void => {
    writeFileSync(join(folder, 'cert.pem'), certificate);
    writeFileSync(join(folder, 'key.pem'), key);
  };
  const own = (one: Issued): TlsOptions => ({ cert: one.certificate, key: one.key });

  before(async () => {
    folder = dataFolder();
    ca = await TestCa.make();
    write(await ca.server());
    writeFileSync(join(folder, 'ca.pem'), ca.certificate);
    const [certificate, key, clientCa] = ['cert.pem', 'key.pem', 'ca.pem'].map((one) =>
      join(folder, one),
    );
    const tls = { certificate: certificate ?? '', key: key ?? '', clientCa };
    const metrics = { host: '127.0.0.1', port: 0 };
    coordinator = await startCoordinator({ port: 0, journal: 'memory', tls, metrics, logger });
  });
  after(() => coordinator.stop());

  const serialOf = (one: Issued): string => new X509Certificate(one.certificate).serialNumber;

  /** When the certificate in force expires, according to the metrics. */
  const expiry = async (): Promise<number> => {
    const page = await fetch(coordinator.metricsUrl ?? '');
    const [, seconds] =
      /^kelpie_certificate_expiry_timestamp_seconds (\S+)$/m.exec(await page.text()) ?? [];
    return Number(seconds) * 1000;
  };
  const endOf = (one: Issued): number => Date.parse(new X509Certificate(one.certificate).validTo);

  /** The serial number of the certificate that a new connection sees. */
  const serial = (trusted: string, client: Issued): Promise<string> =>
    new Promise((resolve, reject) => {
      const { port } = coordinator;
      const options = { port, ca: trusted, cert: client.certificate, key: client.key };
      const socket = connectTls({ ...options, ALPNProtocols: ['h2'] }, () => {
        resolve(socket.getPeerCertificate().serialNumber);
        socket.destroy();
      }).on('error', reject);
    });

  it('takes new ones for new connections, keeps its streams, and refuses ones that do not fit', async () => {
    const client = await ca.client('lobby-1');
    const events: unknown[] = [];
    const options = { ca: ca.certificate, ...own(client), endpoints: coordinator.endpoint };
    const node = connect({ name: 'lobby-1', role: 'SERVICE', ...options });
    node.subscribe('chat.a', ({ content }) => void events.push(content));
    await node.ready();
    const losses: string[] = [];
    void (async () => {
      for await (const { type } of node.status()) if (type === 'disconnected') losses.push(type);
    })();
    await node.publish('chat.a', 'before');

    const first = await serial(ca.certificate, client);
    const other = await ca.shortServer();
    writeFileSync(join(folder, 'cert.pem'), other.certificate);
    await until(() => log.some((line) => line.startsWith('the new certificates cannot be used')));
    expect(log.join('\n')).to.match(/the key in .*key\.pem does not belong to the certificate/);
    expect(await serial(ca.certificate, client)).to.equal(first);
    expect(await expiry()).to.be.greaterThan(endOf(other));

    const refusals = (): number => log.filter((line) => line.includes('cannot be used')).length;
    const before = refusals();
    write(await ca.expiredServer());
    await until(() => refusals() > before);
    expect(log.at(-1)).to.match(/the certificate has expired at/);
    expect(await serial(ca.certificate, client)).to.equal(first);

    write(other);
    await until(() => log.some((line) => line.includes(serialOf(other))));
    expect(await serial(ca.certificate, client)).to.equal(serialOf(other));
    expect(await expiry()).to.equal(endOf(other));

    const warnings = log.filter((line) => line.startsWith('renew the certificate'));
    await until(() => log.some((line) => /^renew.*expires soon/.test(line)));
    expect(warnings.length).to.be.at.most(2);

    const newCa = await TestCa.make();
    const newClient = await newCa.client('lobby-2');
    const third = await newCa.server();
    // In this order, so that the log line of the new serial number is the last one.
    writeFileSync(join(folder, 'ca.pem'), newCa.certificate);
    write(third);
    await until(() => log.some((line) => line.includes(serialOf(third))));
    expect(await serial(newCa.certificate, newClient)).to.equal(serialOf(third));
    const api = apiAt(coordinator.endpoint, { ca: newCa.certificate, ...own(client) });
    const refused = await rejectionOf(KelpieError, api.coordinator.info());
    expect(refused.reason).to.equal('CLIENT_CERTIFICATE_REFUSED');
    api.close();

    await node.publish('chat.a', 'after');
    await until(() => events.length === 2);
    expect(events).to.deep.equal(['before', 'after']);
    expect(losses).to.deep.equal([]);
    await node.close();
  });

  it('is reached by a client whose own certificates changed', async () => {
    const ours = dataFolder();
    const [caFile, cert, key] = ['ca.pem', 'c.pem', 'k.pem'].map((one) => join(ours, one));
    const files = { ca: caFile ?? '', cert: cert ?? '', key: key ?? '' };
    const put = (trusted: string, one: Issued): void => {
      writeFileSync(files.ca, trusted);
      writeFileSync(files.cert, one.certificate);
      writeFileSync(files.key, one.key);
    };
    const foreign = await TestCa.make();
    put(foreign.certificate, await foreign.client('a'));
    const node = connect({
      ...{ name: 'a', role: 'SERVICE', endpoints: coordinator.endpoint },
      ...files,
      logger: { warn: () => undefined },
    });
    for await (const { type } of node.status()) if (type === 'disconnected') break;
    const present = await TestCa.make();
    write(await present.server());
    writeFileSync(join(folder, 'ca.pem'), present.certificate);
    put(present.certificate, await present.client('a'));
    await node.ready();
    await node.close();
  });
});

describe('kelpied certs', () => {
  const certs = (folder: string, ...args: string[]) =>
    runKelpied(['certs', '--out', join(folder, 'tls'), ...args]);

  it('shows how to reach another address of this machine', async () => {
    const { output } = await certs(dataFolder(), '127.0.0.2');
    expect(output)
      .to.match(/ kelpied .*--host 127\.0\.0\.2 /)
      .and.match(/--endpoint 127\.0\.0\.2:/);
  });

  it('makes a CA and a certificate that a client with the CA alone trusts', async () => {
    const folder = dataFolder();
    const { code, output, errors } = await certs(folder, 'kelpie.example.org', '203.0.113.7');
    expect({ code, errors }).to.deep.equal({ code: 0, errors: '' });
    expect(output).to.include('kelpie.example.org, 203.0.113.7, localhost, 127.0.0.1, ::1');
    const at = (name: string): string => join(folder, 'tls', name);
    const modes = {
      'ca.pem': 0o644,
      'ca-key.pem': 0o600,
      'server.pem': 0o644,
      'server-key.pem': 0o600,
    };
    for (const [name, mode] of Object.entries(modes))
      expect(statSync(at(name)).mode & 0o777, name).to.equal(mode);
    expect(statSync(at('')).mode & 0o777).to.equal(0o700);
    const tls = {
      certificate: at('server.pem'),
      key: at('server-key.pem'),
      clientCa: at('ca.pem'),
    };
    const coordinator = await startCoordinator({ port: 0, journal: 'memory', tls });
    expect((await certs(folder, '--client', 'lobby-1')).code).to.equal(0);
    const own = { cert: at('client-lobby-1.pem'), key: at('client-lobby-1-key.pem') };
    const api = apiAt(coordinator.endpoint, { ca: at('ca.pem'), ...own });
    expect((await api.coordinator.info()).network).to.equal('main');
    api.close();
    await coordinator.stop();
  });

  it('replaces no certificate unless it is asked to, and keeps its CA', async () => {
    const folder = dataFolder();
    const named = await certs(folder, '203.0.113.7', 'a.example.org', '--json');
    const first = JSON.parse(named.output) as Record<string, string>;
    const [caFile, file] = [first['ca'] ?? '', first['certificate'] ?? ''];
    const [ca, certificate] = [readFileSync(caFile, 'utf8'), readFileSync(file, 'utf8')];
    const again = await certs(folder, 'b.example.org');
    expect(again.errors).to.match(
      /server\.pem is there already.*: kelpied certs --out \S+ --force 203\.0\.113\.7 a\.example\.org b\.example\.org$/m,
    );
    expect(again.code).to.equal(1);
    expect(readFileSync(file, 'utf8')).to.equal(certificate);
    expect((await certs(folder, '--force', '--days', '30')).code).to.equal(0);
    const renewed = new X509Certificate(readFileSync(file));
    expect(renewed.raw.equals(new X509Certificate(certificate).raw)).to.equal(false);
    expect(readFileSync(caFile, 'utf8')).to.equal(ca);
    expect(renewed.verify(new X509Certificate(ca).publicKey)).to.equal(true);
    const days = (Date.parse(renewed.validTo) - Date.now()) / 86_400_000;
    expect(days).to.be.within(29, 30);
    expect(renewed.subjectAltName).to.equal(new X509Certificate(certificate).subjectAltName);
    const fewer = await certs(folder, '--force', '203.0.113.7');
    expect(fewer.output).to.include('It is no more for a.example.org.');
  });

  it('explains wrong usage and a CA that is none', async () => {
    const folder = dataFolder();
    for (const [args, message] of [
      [['a b'], /a name or an IP address/],
      [['--client', '../x'], /1 to 63 letters/],
      [['--client', 'a', 'b.example.org'], /leave them out, or --client/],
      [['--host', '203.0.113.7'], /name the hosts .*: kelpied certs 203\.0\.113\.7/],
    ] as const) {
      const { code, errors } = await certs(folder, ...args);
      expect(errors).to.match(message);
      expect(code).to.equal(2);
    }
    mkdirSync(join(folder, 'tls'));
    const { certificate, key } = await (await TestCa.make()).server();
    writeFileSync(join(folder, 'tls', 'ca.pem'), certificate);
    writeFileSync(join(folder, 'tls', 'ca-key.pem'), key);
    const { code, errors } = await certs(folder);
    expect(errors).to.include('is not the certificate of a CA');
    expect(code).to.equal(1);
  });
});
