/** The processes of a run. None of them outlives the run. */
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { dataFolder } from '../support/process/data-folder.js';
import { type RunningServer, startCoordinator } from './coordinator.js';
import { build, ForeignClients, isForeign } from './foreign.js';
import { findNatsServer, natsPackage } from './nats-package.js';
import { NotHere } from './not-here.js';
import type { ServerName, WireName } from './plan.js';
import { startWithRights, startWithTls } from './protected.js';
import { startOnRedis, startRedis } from './redis.js';
import type { Measurement, Task } from './workload.js';

const starts: Record<ServerName, () => Promise<RunningServer>> = {
  kelpied: () => startCoordinator([]),
  'kelpied-interval': () => startWithFiles('interval'),
  'kelpied-commit': () => startWithFiles('commit'),
  'kelpied-rights': startWithRights,
  'kelpied-tls': startWithTls,
  'kelpied-redis': () => startOnRedis(1),
  'three-on-redis': () => startOnRedis(3),
  relay: startRelay,
  'nats-server': startNats,
  'redis-server': startRedis,
};

/** Starts a server on a free port of the loopback. Throws NotHere if the machine has none. */
export function startServer(name: ServerName): Promise<RunningServer> {
  return starts[name]();
}

function startWithFiles(sync: 'commit' | 'interval'): Promise<RunningServer> {
  return startCoordinator(['--journal', 'file', '--data', dataFolder(), '--sync', sync]);
}

async function startRelay(): Promise<RunningServer> {
  const child = reaped(fork(new URL('relay.js', import.meta.url)));
  const { port } = (await messageOf(child, 'the relay')) as { port: number };
  return serverOf(child, `127.0.0.1:${port}`);
}

async function startNats(): Promise<RunningServer> {
  const program = findNatsServer();
  if (program === undefined) {
    throw new NotHere('no nats-server on the PATH, in GOBIN or in GOPATH/bin');
  }
  if (!natsPackage.install()) throw new NotHere('the client of NATS could not be installed');
  const args = ['--addr', '127.0.0.1', '--port', '-1'];
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  reaped(child);
  const port = await new Promise<string>((resolve, reject) => {
    let printed = '';
    child.stderr.on('data', (chunk: Buffer) => {
      printed += chunk.toString();
      const [, found] = /client connections on \S+:(\d+)/.exec(printed) ?? [];
      if (found !== undefined) resolve(found);
    });
    child.once('exit', () => reject(new Error(`nats-server ended: ${printed}`)));
  });
  return serverOf(child, `127.0.0.1:${port}`);
}

function serverOf(child: ChildProcess, endpoint: string): RunningServer {
  const gone = once(child, 'exit');
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL');
    await gone;
  };
  return { endpoint, pid: child.pid ?? 0, stop };
}

/** The process with all clients of one system. */
export interface Clients {
  /** Rejects if the process ends before it has measured. */
  measure(task: Task): Promise<Measurement>;
  stop(): void;
}

/** Makes what the clients of a system need. Throws NotHere. */
export function prepareClients(name: WireName): void {
  if (isForeign(name)) build(name);
}

/** Starts the process with the clients. */
export function startClients(name: WireName, variables: NodeJS.ProcessEnv = {}): Clients {
  return isForeign(name) ? new ForeignClients(name, variables) : new OwnClients(name, variables);
}

class OwnClients implements Clients {
  readonly #name: WireName;
  readonly #child: ChildProcess;

  constructor(name: WireName, variables: NodeJS.ProcessEnv) {
    this.#name = name;
    const env = { ...process.env, ...variables };
    this.#child = reaped(fork(new URL('clients.js', import.meta.url), [name], { env }));
  }

  async measure(task: Task): Promise<Measurement> {
    const answer = messageOf(this.#child, `the clients of ${this.#name}`);
    this.#child.send(task);
    return (await answer) as Measurement;
  }

  stop(): void {
    this.#child.kill('SIGKILL');
  }
}

async function messageOf(child: ChildProcess, name: string): Promise<unknown> {
  const over = new AbortController();
  const { signal } = over;
  const failed = once(child, 'exit', { signal }).then(() => {
    throw new Error(`${name} ended before the answer; the reason stands above`);
  });
  try {
    const answer = once(child, 'message', { signal }) as Promise<[unknown]>;
    const [message] = await Promise.race([answer, failed]);
    return message;
  } finally {
    failed.catch(() => undefined);
    over.abort();
  }
}

function reaped<Child extends ChildProcess>(child: Child): Child {
  const reap = (): boolean => child.kill('SIGKILL');
  process.once('exit', reap);
  child.once('exit', () => process.off('exit', reap));
  return child;
}
