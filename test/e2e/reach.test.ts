/** The addresses of coordinators: IPv6, other machines, and variables that only look like settings. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { apiAt } from '../../client/api/index.js';
import { startCoordinator } from '../../server/coordinator.js';
import { TestCa } from '../support/certificates.js';
import { runKelpie } from '../support/process/cli.js';
import { dataFolder, removeDataFolders } from '../support/process/data-folder.js';
import { type Kelpied, runKelpied, startKelpied } from '../support/process/kelpied.js';
import { until } from '../support/until.js';
import { rejectionOf } from '../support/thrown.js';

/** The variables that Kubernetes sets in pods beside two Services, kelpie and kelpie-metrics. */
const SERVICES = {
  KELPIE_SERVICE_HOST: '10.0.0.7',
  KELPIE_SERVICE_PORT: '50051',
  KELPIE_SERVICE_PORT_GRPC: '50051',
  KELPIE_PORT: 'tcp://10.0.0.7:50051',
  KELPIE_PORT_50051_TCP: 'tcp://10.0.0.7:50051',
  KELPIE_PORT_50051_TCP_PROTO: 'tcp',
  KELPIE_PORT_50051_TCP_PORT: '50051',
  KELPIE_PORT_50051_TCP_ADDR: '10.0.0.7',
  KELPIE_METRICS_SERVICE_HOST: '10.0.0.8',
  KELPIE_METRICS_PORT: 'tcp://10.0.0.8:9464',
  KELPIE_METRICS_PORT_9464_TCP: 'tcp://10.0.0.8:9464',
};
/** An address without a listener: the system refuses connections at once. */
const NOWHERE = 'http://127.0.0.1:1';

describe('A coordinator', () => {
  let kelpied: Kelpied | undefined;
  after(removeDataFolders);
  afterEach(async () => {
    await kelpied?.stop();
    kelpied = undefined;
  });

  for (const host of ['::1', '[::1]', 'localhost']) {
    it(`on ${host} prints an endpoint that kelpie accepts and can reach`, async () => {
      kelpied = await startKelpied(['--host', host, '--drain-seconds', '0']);
      if (host !== 'localhost') expect(kelpied.endpoint).to.equal(`[::1]:${kelpied.port}`);
      const { code, errors } = await runKelpie(['info', '--endpoint', kelpied.endpoint]);
      expect({ code, errors }).to.deep.equal({ code: 0, errors: '' });
    });
  }

  it('accepts a host without a port', async () => {
    for (const host of ['127.0.0.1:50051', '[::1]:50051', '[::1', 'a b']) {
      const { code, errors } = await runKelpied(['--host', host]);
      expect(errors).to.include('without a port');
      expect(code).to.equal(2);
    }
  });

  it('that is embedded refuses an address that other machines can reach, unless insecure is set', async () => {
    const listen = (more: object) => startCoordinator({ journal: 'memory', port: 0, ...more });
    for (const host of ['0.0.0.0', '::', '[::]', '10.1.2.3']) {
      const error = await rejectionOf(RangeError, listen({ host }));
      expect(error.message).to.match(/reachable from other machines.*insecure: true/);
    }
    const name = await rejectionOf(RangeError, listen({ host: 'nosuch.invalid' }));
    expect(name.message).to.match(/^nosuch\.invalid is a name, .*only localhost/);
    const metrics = { host: '0.0.0.0', port: 0 };
    expect((await rejectionOf(RangeError, listen({ metrics }))).message).to.include('0.0.0.0');
    const open = await listen({ host: '0.0.0.0', insecure: true });
    await open.stop();
    const inside = await listen({ host: '[::1]', metrics: { host: '[::1]', port: 0 } });
    expect(inside.endpoint).to.equal(`[::1]:${inside.port}`);
    expect((await fetch(inside.metricsUrl ?? '')).status).to.equal(200);
    await inside.stop();
  });

  it('with TLS is reachable from other machines once it asks for credentials', async () => {
    const folder = dataFolder();
    const ca = await TestCa.make();
    const { certificate, key } = await ca.server();
    for (const [name, text] of Object.entries({ certificate, key }))
      writeFileSync(join(folder, name), text);
    const tls = { certificate: join(folder, 'certificate'), key: join(folder, 'key') };
    const files = ['--tls-cert', tls.certificate, '--tls-key', tls.key];
    const refused = await runKelpied(['--host', '0.0.0.0', '--port', '0', ...files], {}, folder);
    expect(refused.errors).to.match(/reachable from other machines.*kelpied token create/);
    expect(refused.code).to.equal(2);

    const options = { port: 0, data: join(folder, 'data'), tls };
    const inside = await startCoordinator(options);
    const token = await inside.createToken({ name: 'alice' });
    await inside.stop();
    const open = await startCoordinator({ ...options, host: '0.0.0.0' });
    const api = apiAt(`127.0.0.1:${open.port}`, { ca: ca.certificate, token });
    expect((await api.coordinator.info()).network).to.equal('main');
    api.close();
    await open.stop();
  });

  it('ignores the variables of Kubernetes Services, and prints a warning', async () => {
    kelpied = await startKelpied(
      ['--drain-seconds', '0', '--metrics-port', '0'],
      undefined,
      SERVICES,
    );
    await until(() => kelpied?.errors().includes('Kubernetes') ?? true);
    const line =
      kelpied
        .errors()
        .split('\n')
        .find((one) => one.includes('Kubernetes')) ?? '{}';
    const { level, variables } = JSON.parse(line) as { level?: string; variables?: string[] };
    expect(level).to.equal('warn');
    expect(variables).to.have.members(Object.keys(SERVICES));
    const config = await runKelpied(['config', '--json'], SERVICES);
    expect(JSON.parse(config.output)).to.deep.include({ port: { value: 50051, from: 'default' } });
    expect(config.errors).to.match(
      /^kelpied: ignored variables of a Kubernetes Service .*KELPIE_PORT/,
    );
    expect((await runKelpie(['info'], kelpied.endpoint, SERVICES)).code).to.equal(0);
  });

  it('still refuses a variable that belongs to no setting and to no Service', async () => {
    const { code, errors } = await runKelpied([], { KELPIE_PORT: 'http://10.0.0.7' });
    expect(errors).to.include('0 to 65535');
    expect(code).to.equal(2);
  });

  it('is reached directly, also if the environment names an HTTP proxy', async () => {
    kelpied = await startKelpied(['--drain-seconds', '0']);
    for (const name of ['http_proxy', 'https_proxy', 'grpc_proxy']) {
      const { code, errors } = await runKelpie(['info'], kelpied.endpoint, { [name]: NOWHERE });
      expect({ name, code, errors }).to.deep.equal({ name, code: 0, errors: '' });
    }
    const doctor = await runKelpie(['doctor'], kelpied.endpoint, { https_proxy: NOWHERE });
    expect(doctor.output)
      .to.match(/! +proxy +https_proxy is set/)
      .and.include('no_proxy');
    expect(doctor.code).to.equal(0);
  });
});
