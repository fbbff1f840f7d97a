/**
 * A real redis-server as a child process, on a free port and in a folder of its own. Tests stop what they start: see
 * `stop`. The end of the test process ends the servers too.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

export interface RedisServerOptions {
  /** Further arguments, as `--maxmemory 1mb`. */
  readonly args?: readonly string[];
  /** Keeps data over restarts, in an append-only file of which each write is synced. Default: it keeps nothing. */
  readonly persistent?: boolean;
  /** Keys of the server's TLS, see redis.conf. The server then has no port without TLS. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly ca: string };
}

const run = promisify(execFile);
const LOADS_MS = 20_000;
/** A replica need not wait for others. */
const AT_ONCE = ['--repl-diskless-sync-delay', '0'];
const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export class RedisServer {
  readonly port: number;
  readonly folder: string;
  readonly #options: RedisServerOptions;
  readonly #program: readonly string[];
  #child: ChildProcess | undefined;

  protected constructor(
    port: number,
    folder: string,
    options: RedisServerOptions,
    program: readonly string[],
  ) {
    this.port = port;
    this.folder = folder;
    this.#options = options;
    this.#program = program;
  }

  /** Resolves when the server answers. */
  static async start(options: RedisServerOptions = {}): Promise<RedisServer> {
    const folder = await mkdtemp(join(tmpdir(), 'kelpie-redis-'));
    const server = new RedisServer(await freePort(), folder, options, []);
    await server.restart();
    return server;
  }

  /** A replica of this server. Resolves when it has the data. */
  async replica(options: RedisServerOptions = {}): Promise<RedisServer> {
    const of = ['--replicaof', '127.0.0.1', `${this.port}`];
    const replica = await RedisServer.start({ ...options, args: [...of, ...(options.args ?? [])] });
    await replica.until(async () => (await replica.info('replication')).includes('link_status:up'));
    return replica;
  }

  /** A sentinel that watches this server under the name `kelpie`, alone or with others. */
  async sentinel(quorum = 1): Promise<RedisServer> {
    const folder = await mkdtemp(join(tmpdir(), 'kelpie-sentinel-'));
    const { writeFile } = await import('node:fs/promises');
    const file = join(folder, 'sentinel.conf');
    const watch = [
      `sentinel monitor kelpie 127.0.0.1 ${this.port} ${quorum}`,
      'sentinel down-after-milliseconds kelpie 500',
      'sentinel failover-timeout kelpie 3000',
    ];
    await writeFile(file, `${watch.join('\n')}\n`);
    const sentinel = new RedisServer(await freePort(), folder, {}, [file, '--sentinel']);
    await sentinel.restart();
    return sentinel;
  }

  /** For a client of it. */
  get url(): string {
    return `${this.#options.tls ? 'rediss' : 'redis'}://127.0.0.1:${this.port}`;
  }

  get pid(): number {
    const pid = this.#child?.pid;
    if (pid === undefined) throw new Error('the redis-server does not run');
    return pid;
  }

  /**
   * Starts the server, after ending it with SIGKILL if it runs. It has its data again if it is persistent. `args` come
   * after the arguments of its first start. Resolves when it answers, be it with an error.
   */
  async restart(args: readonly string[] = []): Promise<void> {
    await this.kill();
    const given = [...this.#arguments(), ...(this.#options.args ?? []), ...args];
    const child = spawn('redis-server', [...this.#program, ...given], { cwd: this.folder });
    let output = '';
    child.stdout.on('data', (text: Buffer) => (output += text.toString()));
    child.stderr.on('data', (text: Buffer) => (output += text.toString()));
    child.on('error', (error) => (output += error.message));
    running.add(child);
    this.#child = child;
    const endMs = Date.now() + LOADS_MS;
    while (!(await answers(this.port))) {
      if (child.exitCode !== null || Date.now() > endMs) {
        await this.kill();
        throw new Error(`redis-server did not start:\n${output.slice(-2000)}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  #arguments(): string[] {
    const { tls, persistent } = this.#options;
    const port = tls ? ['--port', '0', '--tls-port', `${this.port}`] : ['--port', `${this.port}`];
    const keys = tls && ['--tls-cert-file', tls.cert, '--tls-key-file', tls.key];
    const ca = tls && ['--tls-ca-cert-file', tls.ca, '--tls-auth-clients', 'no'];
    const place = ['--bind', '127.0.0.1', '--dir', this.folder];
    if (this.#program.length > 0) return [...port, ...place];
    const kept = persistent ? ['--appendonly', 'yes', '--appendfsync', 'always'] : [];
    return [...port, ...(keys ?? []), ...(ca ?? []), ...place, '--save', '', ...AT_ONCE, ...kept];
  }

  /** Sends a command by redis-cli. Resolves with what it prints; rejects with an error of the server. */
  async command(...words: readonly string[]): Promise<string> {
    const { tls } = this.#options;
    const secure = tls ? ['--tls', '--cacert', tls.ca] : [];
    const { stdout } = await run('redis-cli', ['-e', '-p', `${this.port}`, ...secure, ...words], {
      timeout: LOADS_MS,
    });
    return stdout.trimEnd();
  }

  async info(section: string): Promise<string> {
    return this.command('INFO', section);
  }

  /** Waits for a condition of the server, which it asks every 10 ms. */
  async until(condition: () => Promise<boolean>): Promise<void> {
    const endMs = Date.now() + LOADS_MS;
    while (!(await condition())) {
      if (Date.now() > endMs) throw new Error('the redis-server did not come to it');
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  /** SIGSTOP: it keeps its connections and answers nothing, until `resume`. */
  pause(): void {
    process.kill(this.pid, 'SIGSTOP');
  }

  resume(): void {
    process.kill(this.pid, 'SIGCONT');
  }

  /** SIGKILL. Data that is not on the disk is lost. Its folder stays, for `restart`. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** SIGTERM: it ends as an operator ends it. Its folder stays, for `restart`. */
  async shutdown(): Promise<void> {
    await this.#end('SIGTERM');
  }

  /** Ends it, and removes its folder. */
  async stop(): Promise<void> {
    await this.kill();
    await rm(this.folder, { recursive: true, force: true });
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (!child) return;
    running.delete(child);
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill(signal);
    await gone;
  }
}

/** Whether something at the port answers at all: a server with TLS or a password answers with an error, or hangs up. */
async function answers(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  const isThere = await new Promise<boolean>((resolve) => {
    let connected = false;
    socket.on('connect', () => {
      connected = true;
      socket.write('PING\r\n');
    });
    socket.on('data', () => resolve(true));
    socket.on('error', () => socket.destroy());
    socket.on('close', () => resolve(connected));
    socket.setTimeout(1000, () => socket.destroy());
  });
  socket.destroy();
  return isThere;
}

export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
