/** The commands of the Redis servers and the sentinels in compose-cluster.yaml, run as they stand in it, on free ports. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { parse } from 'yaml';
import { freePort } from '../support/redis/redis-server.js';

interface Service {
  readonly image?: string;
  readonly networks: string[];
  readonly volumes?: string[];
  readonly depends_on?: string[] | Record<string, { readonly condition: string }>;
  readonly command?: readonly [string, string, string];
  readonly environment?: Record<string, string>;
  readonly healthcheck?: { readonly test: string };
}

interface Compose {
  readonly services: Record<string, Service>;
  readonly networks: object;
  readonly volumes: object;
}

const FILE = fileURLToPath(new URL('../../../compose-cluster.yaml', import.meta.url));
const run = promisify(execFile);
const { services, networks, volumes } = parse(readFileSync(FILE, 'utf8'), {
  merge: true,
}) as Compose;
const namesOf = (word: string): string[] =>
  Object.keys(services).filter((name) => name.startsWith(word));

/** Asks until the answer is yes. */
async function until(isSo: () => Promise<boolean>): Promise<void> {
  const giveUpMs = performance.now() + 30_000;
  while (!(await isSo())) {
    if (performance.now() > giveUpMs) throw new Error(`waited in vain for ${String(isSo)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** One service as a plain process; its volume is a folder. */
class Process {
  readonly port: number;
  readonly #folder = mkdtempSync(join(tmpdir(), 'kelpie-compose-'));
  readonly #service: Service;
  readonly #command: string;
  #child: ChildProcess | undefined;

  constructor(name: string, port: number, firstPort: number) {
    const service = services[name];
    if (!service?.command) throw new Error(`${name} has no command`);
    this.port = port;
    this.#service = service;
    this.#command = service.command[2]
      .trimEnd()
      .replaceAll('$$', '$')
      .replaceAll('/data', this.#folder)
      .replaceAll('redis-1 6379', `127.0.0.1 ${firstPort}`)
      .replace('down-after-milliseconds kelpie 5000', 'down-after-milliseconds kelpie 500')
      .replace('failover-timeout kelpie 10000', 'failover-timeout kelpie 3000')
      .concat(` --port ${port} --bind 127.0.0.1`)
      .replace(/(?<=exec redis-server .*)$/, ' --repl-diskless-sync-delay 0');
  }

  start(firstPort: number): void {
    const follows = (this.#service.environment?.['FOLLOWS'] ?? '').replace(
      'redis-1 6379',
      `127.0.0.1 ${firstPort}`,
    );
    const env = { ...process.env, NAME: '127.0.0.1', FOLLOWS: follows };
    this.#child = spawn('sh', ['-c', this.#command], { env, stdio: 'ignore' });
  }

  async kill(): Promise<void> {
    const child = this.#child;
    if (child?.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Whether Docker would call the service healthy. */
  async isHealthy(): Promise<boolean> {
    const test = this.#service.healthcheck?.test ?? 'false';
    const here = test.replaceAll('$$', '$').replaceAll('26379', `${this.port}`);
    return run('sh', ['-c', here]).then(
      () => true,
      () => false,
    );
  }

  async command(...words: string[]): Promise<string> {
    const { stdout } = await run('redis-cli', ['-e', '-p', `${this.port}`, ...words]);
    return stdout.trim();
  }
}

describe('compose-cluster.yaml', () => {
  it('has three coordinators, and services that name only what is there', () => {
    expect(namesOf('kelpied')).to.have.length(3);
    for (const [name, service] of Object.entries(services)) {
      expect(service.image, name).to.be.a('string');
      expect(Object.keys(networks), name).to.include.members(service.networks);
      const named = (service.volumes ?? []).map((volume) => volume.split(':')[0]);
      expect(Object.keys(volumes), name).to.include.members(named);
      const { depends_on: needed = [] } = service;
      const others = Array.isArray(needed) ? needed : Object.keys(needed);
      expect(Object.keys(services), name).to.include.members(others);
      if (!name.startsWith('kelpied')) continue;
      // Else the first write of `kelpied token create` finds no primary that takes it.
      expect(Object.values(needed)).to.deep.equal(
        others.map(() => ({ condition: 'service_healthy' })),
      );
      for (const other of others) expect(services[other]?.healthcheck, other).to.be.an('object');
    }
  });

  it('keeps what Redis acknowledged after a failover, when all of it starts again', async () => {
    const all: Process[] = [];
    try {
      const names = [...namesOf('redis-'), ...namesOf('sentinel-')];
      // The same port may be free twice.
      const ports = new Set<number>();
      while (ports.size < names.length) ports.add(await freePort());
      const [firstPort = 0] = ports;
      all.push(...[...ports].map((port, i) => new Process(names[i] ?? '', port, firstPort)));
      const redises = all.slice(0, 3);
      const sentinels = all.slice(3);
      const startSentinels = async () => {
        for (const one of sentinels) one.start(firstPort);
        await until(async () => {
          const healthy = await Promise.all(sentinels.map(async (one) => one.isHealthy()));
          return healthy.every(Boolean);
        });
      };
      const primary = async (): Promise<Process | undefined> => {
        const found = await sentinels[0]?.command('sentinel', 'get-master-addr-by-name', 'kelpie');
        return redises.find(({ port }) => found?.endsWith(`\n${port}`));
      };
      for (const one of redises) one.start(firstPort);
      const [first] = redises;
      // Sentinels look for new replicas every 10 s, and at their start.
      await until(async () => {
        const info = await first?.command('info', 'replication').catch(() => '');
        return info?.includes('connected_slaves:2') ?? false;
      });
      await startSentinels();
      expect(await primary()).to.equal(first);
      expect(await first?.command('set', 'key', 'old')).to.equal('OK');
      await first?.kill();
      let second: Process | undefined;
      await until(async () => {
        second = await primary();
        if (second === first) return false;
        return (await second?.command('set', 'key', 'new').catch(() => '')) === 'OK';
      });

      await Promise.all(all.map(async (one) => one.kill()));
      for (const one of redises) one.start(firstPort);
      await startSentinels();
      expect(await primary()).to.equal(second);
      expect(await second?.command('get', 'key')).to.equal('new');
    } finally {
      await Promise.all(all.map(async (one) => one.kill()));
      for (const one of all) one.remove();
    }
  }).timeout(60_000);
});
