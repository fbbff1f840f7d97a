/** A real PowerNukkit, with our plugin and another one that uses it. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { History } from '../history.js';
import { HOST } from '../library.js';

/** The compiled file lies in dist, but the jars do not. */
const TARGET = fileURLToPath(new URL('../../../../test/bedrock/java/target', import.meta.url));
const EXIT_MS = 15_000;
/** It takes two seconds on a machine that does nothing else. */
const START_MS = 90_000;

/** Few chunks, so that a player stands in the world soon. */
const NUKKIT_YML = `
settings: { language: eng, shutdown-message: The server closes }
chunk-sending: { per-tick: 8, spawn-threshold: 4 }
chunk-ticking: { tick-radius: 1 }
level-settings: { auto-tick-rate: false }
`;

export interface ServerSettings {
  readonly name: string;
  readonly port: number;
  readonly folder: string;
  /** The config of our plugin, beside name and address. JSON is YAML. */
  readonly config: object;
}

export class NukkitServer {
  /** The servers of this run, also those that have ended. */
  static readonly all: NukkitServer[] = [];

  readonly name: string;
  readonly port: number;
  readonly lines = new History<string>();
  /** The exit code, or the signal that ended it. */
  readonly ended: Promise<number | string>;
  readonly #process: ChildProcessWithoutNullStreams;

  private constructor({ name, port, folder }: ServerSettings) {
    this.name = name;
    this.port = port;
    const classes = [join(TARGET, 'classes'), join(TARGET, 'server', '*')].join(':');
    const flags = ['-Xmx384m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'];
    const opens = ['--add-opens', 'java.base/java.lang=ALL-UNNAMED'];
    const java = [...flags, ...opens, '-cp', classes, 'Leash', '--language', 'eng'];
    // The Leash ends the server when its standard input ends, for whatever reason this process ends.
    this.#process = spawn('java', java, { cwd: folder });
    for (const output of [this.#process.stdout, this.#process.stderr]) {
      createInterface(output).on('line', (line) => this.lines.add(plain(line)));
    }
    this.ended = new Promise((resolve) => {
      this.#process.once('close', (code, signal) => {
        const end = code ?? signal ?? 'nothing';
        this.lines.add(`(ended with ${end})`);
        this.lines.end(`${name} ended with ${end}`);
        resolve(end);
      });
      this.#process.once('error', (error) => this.lines.end(error.message));
    });
    NukkitServer.all.push(this);
  }

  /** Lays out the folder of the server and starts it. Resolves when players can join. */
  static async start(settings: ServerSettings): Promise<NukkitServer> {
    const { folder, name, port, config } = settings;
    const plugins = join(folder, 'plugins');
    await mkdir(join(plugins, 'Kelpie'), { recursive: true });
    await cp(join(TARGET, 'plugins'), plugins, { recursive: true });
    await writeFile(join(plugins, 'Kelpie', 'config.yml'), JSON.stringify({ name, ...config }));
    await writeFile(join(folder, 'nukkit.yml'), NUKKIT_YML);
    await writeFile(join(folder, 'server.properties'), propertiesOf(name, port));
    const server = new NukkitServer(settings);
    await server.lines.waitFor(`${name} to start`, (line) => line.includes('Done ('), {
      deadlineMs: START_MS,
    });
    return server;
  }

  /** Types a line on its console. */
  type(line: string): void {
    this.#process.stdin.write(`${line}\n`);
  }

  /** Sends the signal, kills the process if it does not end, and resolves with its exit code or signal. */
  async stop(signal: 'SIGTERM' | 'SIGKILL'): Promise<number | string> {
    this.#process.kill(signal);
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), EXIT_MS);
    const end = await this.ended;
    clearTimeout(timer);
    return end;
  }

  static async killAll(): Promise<void> {
    const servers = NukkitServer.all.splice(0);
    await Promise.all(servers.map((server) => server.stop('SIGKILL')));
  }
}

function propertiesOf(name: string, port: number): string {
  const properties = {
    ...{ motd: name, 'server-ip': HOST, 'server-port': port, 'xbox-auth': 'off' },
    ...{ 'max-players': 20, 'view-distance': 4, 'level-type': 'FLAT', 'level-name': 'world' },
    ...{ 'enable-query': 'off', 'auto-save': 'off', 'spawn-animals': 'off', 'spawn-mobs': 'off' },
    ...{ 'allow-nether': 'off', 'allow-the_end': 'off' },
  };
  const lines = Object.entries(properties).map(([key, value]) => `${key}=${value}`);
  return lines.join('\n') + '\n';
}

/** Without colours. */
function plain(line: string): string {
  // eslint-disable-next-line no-control-regex -- the console of the server is in colours
  return line.replaceAll(/\u001b\[[\d;]*m/g, '');
}
