/** The package of users: this test packs it, installs it in an empty folder, and runs it from there. */
import { execFile, spawn } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { keyOf, settingNames, settings, variableOf } from '../../server/ops/config/settings.js';
import { dataFolder, removeDataFolders } from '../support/process/data-folder.js';
import { runKelpied } from '../support/process/kelpied.js';

/** The compiled file lies one folder deeper, in dist. */
const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const INSTALL_MS = 120_000;

const run = promisify(execFile);

describe('the files for operators', () => {
  const texts = ['Dockerfile', 'compose.yaml', 'kelpied.service', 'compose-cluster.yaml'].map(
    (name) => ({
      name,
      text: readFileSync(join(ROOT, name), 'utf8'),
    }),
  );

  it('set only settings that exist', () => {
    for (const { name, text } of texts) {
      const set = [...text.matchAll(/\b(KELPIE_\w+)[=:]/g)].map(([, variable]) => variable);
      expect(set, name).not.to.be.empty;
      expect(settingNames.map(variableOf), name).to.include.members(set);
      const [, flag] = /kelpied --([a-z-]+)/.exec(text) ?? [];
      expect(settingNames.map(keyOf), name).to.include(flag ?? 'port');
    }
  });

  it('use the default ports for clients and for health', () => {
    const { text } = texts[0] ?? { text: '' };
    expect(text).to.include(`EXPOSE ${settings.port.default}`);
    expect(text).to.include(`http://127.0.0.1:${settings.metricsPort.default}/healthz`);
  });

  it('run kelpied as a user with a number, on a file system that it cannot write to', () => {
    const [docker = '', compose = '', unit = ''] = texts.map(({ text }) => text);
    const users = [...docker.matchAll(/^USER (.*)$/gm)].map(([, user]) => user);
    expect(users.at(-1)).to.match(/^[1-9]\d*:[1-9]\d*$/);
    // Each write of the build is before it, and nothing runs as root after it.
    expect(docker.slice(docker.lastIndexOf('\nUSER '))).to.not.match(/^(RUN|COPY|ADD) /m);
    expect(docker).to.include(`chown -R ${users.at(-1)} /var/lib/kelpie`);
    expect(compose)
      .to.match(/^ {4}read_only: true$/m)
      .and.match(/cap_drop:\n +- ALL\n/);
    expect(unit)
      .to.match(/^DynamicUser=yes$/m)
      .and.match(/^ProtectSystem=strict$/m);
  });

  it('make a certificate for the name by which other containers reach kelpied', async () => {
    const { text = '' } = texts[1] ?? {};
    const [, words = ''] = /run --rm kelpied (certs .*)$/m.exec(text) ?? [];
    const out = dataFolder();
    const { code } = await runKelpied([...words.split(' '), '--out', out]);
    expect(code).to.equal(0);
    const { subjectAltName } = new X509Certificate(readFileSync(join(out, 'server.pem')));
    expect(subjectAltName).to.match(/DNS:kelpied(,|$)/);
    expect(readFileSync(join(ROOT, 'server/README.md'), 'utf8')).to.include(words);
    removeDataFolders();
  });

  it('have TLS on public addresses, no --insecure, and no secrets', () => {
    for (const { name, text } of texts) {
      expect(text, name).to.not.match(/INSECURE|--insecure|PRIVATE KEY|klp_/);
      expect(text, name).to.not.match(/(TOKEN|SECRET|PASSWORD)\w*[=:]/i);
      if (text.includes('0.0.0.0'))
        expect(text, name).to.match(/KELPIE_TLS_CERT: .*\n.*KELPIE_TLS_KEY/);
    }
    // Only the parts of the build enter the image: no data, no key, no .git.
    const ignored = readFileSync(join(ROOT, '.dockerignore'), 'utf8').split('\n');
    expect(ignored.filter((line) => line !== '' && !/^[#!]/.test(line))).to.deep.equal(['*']);
  });

  it('give kelpied more time to stop than it needs', () => {
    for (const { text, name } of texts.slice(1)) {
      const [, seconds] = /(?:TimeoutStopSec=|stop_grace_period: )(\d+)/.exec(text) ?? [];
      expect(Number(seconds), name).to.be.greaterThan(settings.drainSeconds.default);
    }
  });
});

describe('the package', () => {
  let folder: string;
  const bin = (name: string) => join(folder, 'node_modules', '.bin', name);

  before(async function () {
    this.timeout(INSTALL_MS);
    folder = await mkdtemp(join(tmpdir(), 'kelpie-package-'));
    await run('npm', ['pack', '--silent', '--pack-destination', folder], { cwd: ROOT });
    const [tarball = ''] = await readdir(folder);
    await writeFile(join(folder, 'package.json'), '{"type":"module"}');
    const quiet = ['--no-audit', '--no-fund', '--loglevel=error'];
    const install = ['install', '--ignore-scripts', '--prefer-offline', ...quiet, `./${tarball}`];
    await run('npm', install, { cwd: folder });
  });
  after(() => rm(folder, { recursive: true }));

  it('has the files that its users need, and no tests', async () => {
    const files = await readdir(join(folder, 'node_modules/kelpie'), { recursive: true });
    expect(files).to.include.members(['README.md', 'gen/kelpie.binpb', 'protos/kelpie/v1']);
    expect(files.filter((file) => /\btest\b|\.tsbuildinfo$/.test(file))).to.deep.equal([]);
  });

  it('has programs that print their version', async () => {
    for (const name of ['kelpied', 'kelpie']) {
      const { stdout } = await run(bin(name), ['--version']);
      expect(stdout).to.match(/^\d+\.\d+\.\d+\S*\n$/);
    }
  });

  it('starts a coordinator that its command line finds', async () => {
    const kelpied = spawn(bin('kelpied'), ['--dev'], { stdio: ['ignore', 'pipe', 'ignore'] });
    const gone = once(kelpied, 'exit') as Promise<[number | null]>;
    try {
      const [line] = (await once(createInterface(kelpied.stdout), 'line')) as [string];
      const { endpoint } = JSON.parse(line) as { endpoint: string };
      const env = { ...process.env, KELPIE_ENDPOINTS: endpoint };
      const { stdout } = await run(bin('kelpie'), ['nodes'], { env });
      expect(stdout).to.match(/^No node is there/);
    } finally {
      kelpied.kill();
    }
    expect((await gone)[0]).to.equal(0);
  });

  it('can be imported, with a coordinator and with types', async () => {
    const program = `
      import { connect } from 'kelpie';
      import { apiAt } from 'kelpie/api';
      import { startCoordinator } from 'kelpie/coordinator';
      const coordinator = await startCoordinator({ journal: 'memory', port: 0 });
      const node = connect({ name: 'lobby-1', role: 'DOWNSTREAM', transport: coordinator.transport() });
      await node.ready();
      console.log(node.roster.nodes().map(({ name }) => name).join());
      const api = apiAt(coordinator.endpoint);
      await api.nodes.update('lobby-1', { labels: { map: 'new' } });
      console.log((await api.nodes.list()).nodes.map(({ labels }) => labels.map).join());
      api.close();
      await node.close();
      await coordinator.stop();
    `;
    await writeFile(join(folder, 'program.js'), program);
    const { stdout } = await run(process.execPath, ['program.js'], { cwd: folder });
    expect(stdout).to.equal('lobby-1\nnew\n');

    const typed = program
      .replace('console.log(', 'const names: string = (')
      .replace('console.log(', 'const maps: string = (');
    await writeFile(
      join(folder, 'typed.ts'),
      `${typed}; export const length: number = names.length + maps.length;`,
    );
    const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
    const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2023'];
    await run(process.execPath, [tsc, ...options, '--skipLibCheck', 'typed.ts'], {
      cwd: folder,
    });
  }).timeout(INSTALL_MS);
});
