/** The dependencies: pinned, explained and without known holes; and the files of a release. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { Document } from '../docs/document.js';
import {
  dependenciesOf,
  floors,
  isBelow,
  type Lock,
  loose,
  type Manifest,
  PROJECTS,
  readJson,
  ROOT,
  unsafe,
  unsafeNode,
} from './floors.js';

const run = promisify(execFile);
const manifests = PROJECTS.map((project) => readJson(`${project}package.json`) as Manifest);
const locks = PROJECTS.map((project) => readJson(`${project}package-lock.json`) as Lock);

describe('the dependencies', () => {
  it('are pinned to one version each', () => {
    expect(manifests.flatMap(loose)).to.deep.equal([]);
    for (const version of [
      '^1.2.3',
      '~1.2.3',
      '>=1.2.3',
      '1.x',
      '*',
      'latest',
      '1.2',
      'https://x/y',
    ])
      expect(loose({ devDependencies: { one: version } }), version).to.have.length(1);
    for (const version of ['1.2.3', '1.2.3-beta.4', 'file:./stub'])
      expect(loose({ dependencies: { one: version } }), version).to.deep.equal([]);
  });

  it('each have a line that says why they are there', () => {
    const cells = new Document('ARCHITECTURE.md').table('library').map(([first = '']) => first);
    const explained = cells.flatMap((cell) => cell.replaceAll(/\(.*?\)/g, '').split(/\s*,\s*/));
    const used = new Set(manifests.flatMap((one) => Object.keys(dependenciesOf(one))));
    expect(explained.map((name) => name.trim())).to.have.members([...used]);
  });

  it('have no version below its floor, at any depth', () => {
    expect(locks.flatMap((lock) => unsafe(lock))).to.deep.equal([]);
    const nested = 'node_modules/nice-grpc/node_modules/@grpc/grpc-js';
    const old = { version: '1.14.3', integrity: 'sha512-x' };
    for (const packages of [
      { [nested]: old },
      { 'node_modules/other': { ...old, name: '@grpc/grpc-js' } },
    ]) {
      const [fault = '', ...others] = unsafe({ packages: { ...locks[0]?.packages, ...packages } });
      expect(fault).to.match(/^node_modules\/\S+ is 1\.14\.3, below 1\.14\.4\. CVE-2026-48069/);
      expect(others).to.deep.equal([]);
    }
    // Each floor holds for a package that is here.
    const here = locks.flatMap(({ packages }) => Object.keys(packages));
    for (const { package: name } of floors)
      if (name !== 'node')
        expect(
          here.some((path) => path.endsWith(`node_modules/${name}`)),
          name,
        ).to.equal(true);
  });

  it('have a checksum each', () => {
    const packages = { 'node_modules/one': { version: '1.0.0' } };
    expect(unsafe({ packages })).to.deep.equal([
      'node_modules/one has no checksum in the lock file',
    ]);
  });

  it('run on no Node.js with a known hole', () => {
    const [own = {}] = manifests;
    expect(unsafeNode(own, process.versions.node)).to.deep.equal([]);
    expect(unsafeNode({ engines: { node: '>=20.12.0' } }, '20.19.0')).to.have.length(1);
    expect(unsafeNode(own, '20.12.0')).to.have.length(1);
  });

  it('are compared by number', () => {
    const older = (version: string, floor: string): boolean => isBelow(version, floor);
    expect(older('1.9.0', '1.14.4')).to.equal(true);
    expect(older('1.14.4-rc.1', '1.14.4')).to.equal(true);
    expect(older('1.14.4', '1.14.4')).to.equal(false);
    expect(older('2.0.0', '1.14.4')).to.equal(false);
    // Nobody can compare these, so they count as older.
    for (const odd of ['x', '', '1.x.0']) expect(older(odd, '1.14.4'), odd).to.equal(true);
  });

  it('are published with provenance, once the repository has an address', () => {
    const {
      private: closed,
      publishConfig,
      repository,
    } = readJson('package.json') as {
      private?: boolean;
      publishConfig?: { provenance?: boolean };
      repository?: { url: string };
    };
    expect(publishConfig?.provenance).to.equal(true);
    if (closed !== true) expect(repository?.url).to.match(/^git\+https:/);
  });
});

describe('make release', () => {
  let folder: string;
  const git = (...args: string[]) =>
    run('git', ['-c', 'user.name=test', '-c', 'user.email=test@test.invalid', ...args], {
      cwd: folder,
    });
  const release = () => run('bash', ['test/supply/release.sh'], { cwd: folder });

  before('a repository with few files is committed', async () => {
    folder = mkdtempSync(join(tmpdir(), 'kelpie-release-'));
    for (const name of [
      'package.json',
      'package-lock.json',
      '.npmrc',
      '.gitignore',
      'test/supply/release.sh',
    ])
      cpSync(join(ROOT, name), join(folder, name));
    mkdirSync(join(folder, 'dist/server'), { recursive: true });
    writeFileSync(join(folder, 'dist/server/main.js'), '');
    await git('init', '--quiet');
    await git('add', '--all');
    await git('commit', '--quiet', '--message', 'all');
  });
  after(() => rmSync(folder, { recursive: true }));

  it('packs the package, and writes its bill of materials and the sums of both', async () => {
    const { stdout } = await release();
    const files = readdirSync(join(folder, 'dist/release')).sort();
    expect(files).to.deep.equal(['SHA256SUMS', 'kelpie-0.1.0.cdx.json', 'kelpie-0.1.0.tgz']);
    const read = (name: string) => readFileSync(join(folder, 'dist/release', name));
    const sums = files.slice(1).map((name) => {
      return `${createHash('sha256').update(read(name)).digest('hex')}  ${name}\n`;
    });
    expect(read('SHA256SUMS').toString()).to.equal(sums.join(''));
    expect(stdout)
      .to.match(/^of commit [0-9a-f]{40}, in dist\/release:\n/)
      .and.include(sums[0]);
    const bill = JSON.parse(read('kelpie-0.1.0.cdx.json').toString()) as {
      metadata: { component: { name: string } };
      components: { name: string; version: string }[];
    };
    expect(bill.metadata.component.name).to.equal('kelpie');
    const names = bill.components.map(({ name }) => name);
    expect(names).to.include.members(Object.keys(manifests[0]?.dependencies ?? {}));
    expect(names).to.not.include('mocha');
  });

  it('refuses files that are in no commit', async () => {
    writeFileSync(join(folder, 'new.ts'), '');
    const refused = await release().then(
      () => '',
      (error: unknown) => (error as { stderr: string }).stderr,
    );
    expect(refused).to.match(/made of a commit.*\n\?\? new\.ts\n/);
  });
});
