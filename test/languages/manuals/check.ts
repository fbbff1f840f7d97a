/**
 * The manuals of the clients in other languages. A reader follows the chapter about a server in an empty folder, with
 * nothing of this repository but what is released of the client, and gets a node of the network. The tools of the
 * languages must be on the PATH, and the registries of their packages in reach.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { stripVTControlCharacters } from 'node:util';
import { expect } from 'chai';
import { Document, run } from '../../docs/document.js';
import { ROOT } from '../../docs/prose.js';
import { type Kelpied, startKelpied } from '../../support/process/kelpied.js';

/** A manual, and what of it differs from the others. */
interface Manual {
  readonly language: string;
  readonly path: string;
  readonly chapter: string;
  /** Puts what is released of the client where the manual expects it. Returns variables for the reader's commands. */
  readonly release: (home: string) => NodeJS.ProcessEnv;
  /** A command that makes the release out of the repository: `release` has done that. */
  readonly released?: RegExp;
  /** The names of the files that the reader writes, by the language of their blocks. */
  readonly files: Readonly<Record<string, string>>;
  /** The command that runs the server; undefined: the last one of the commands. */
  readonly server?: string;
  /** A command of an operator who looks for the server. */
  readonly look: string;
  readonly sees: RegExp;
  /** The output of the server; if it runs on, the output after an operator published `hello`. */
  readonly prints: RegExp;
  readonly runsOn: boolean;
}

const manuals: readonly Manual[] = [
  {
    language: 'Go',
    path: 'client/go/README.md',
    chapter: 'A server',
    release: releaseModule,
    files: { go: 'main.go' },
    look: 'npx kelpie nodes',
    sees: /^lobby-1 +DOWNSTREAM +READY +127\.0\.0\.1:19132/m,
    prints: /^<> hello\n$/,
    runsOn: true,
  },
  {
    language: 'Java',
    path: 'client/java/README.md',
    chapter: 'A server',
    release: releaseJars,
    released: /^mvn .* install /,
    files: { xml: 'pom.xml', java: 'src/main/java/Lobby.java' },
    look: 'npx kelpie nodes',
    sees: /^lobby-1 +DOWNSTREAM +READY +127\.0\.0\.1:19132/m,
    prints: /^lobby-1 is registered\n<> hello\n$/,
    runsOn: true,
  },
  {
    language: 'Python',
    path: 'client/python/README.md',
    chapter: 'A server, from an empty folder',
    release: releaseWheel,
    files: { python: 'server.py' },
    server: 'env/bin/python server.py',
    look: 'npx kelpie history --node lobby-1',
    sees: /joined/i,
    prints: /^<lobby-1> lobby-1 is open\n\['lobby-1'\]\n$/,
    runsOn: false,
  },
];

/** The files of the Go module, as a proxy of modules has them: without the modules in folders of it. */
function releaseModule(home: string): NodeJS.ProcessEnv {
  const listed = execFileSync('git', ['ls-files', 'client/go'], { cwd: ROOT, encoding: 'utf8' });
  const paths = listed.trimEnd().split('\n');
  const nested = paths
    .filter((path) => path.endsWith('/go.mod') && path !== 'client/go/go.mod')
    .map((path) => `${dirname(path)}/`);
  for (const path of paths) {
    if (!nested.some((folder) => path.startsWith(folder))) copy(path, home);
  }
  return {};
}

/** A repository of Maven with our jars, and with those of others that the machine has already. */
function releaseJars(home: string): NodeJS.ProcessEnv {
  const repository = join(home, 'm2');
  const known = join(homedir(), '.m2/repository');
  if (existsSync(known)) cpSync(known, repository, { recursive: true });
  rmSync(join(repository, 'kelpie'), { recursive: true, force: true });
  const variables = { MAVEN_OPTS: `-Dmaven.repo.local=${repository}` };
  const install = '-q -pl sdk,shaded -am install -Dmaven.test.skip=true'.split(' ');
  execFileSync('mvn', ['-f', `${ROOT}client/java`, ...install], {
    env: { ...process.env, ...variables },
    // Maven reports its errors there.
    stdio: ['ignore', process.stderr, 'inherit'],
  });
  return variables;
}

function releaseWheel(home: string): NodeJS.ProcessEnv {
  execFileSync('bash', [`${ROOT}client/python/build.sh`]);
  const folder = 'client/python/dist';
  for (const name of readdirSync(`${ROOT}${folder}`)) copy(`${folder}/${name}`, home);
  return {};
}

function copy(path: string, home: string): void {
  const place = join(home, 'kelpie', path);
  mkdirSync(dirname(place), { recursive: true });
  copyFileSync(`${ROOT}${path}`, place);
}

/** The code blocks of a chapter in order, with their languages. */
function blocksOf({ path, chapter }: Manual): { language: string; text: string }[] {
  const { text } = new Document(path, chapter);
  const fences = /^```(\w+)\n(.*?)^```/gms;
  return [...text.matchAll(fences)].map(([, language = '', block = '']) => ({
    language,
    text: block,
  }));
}

describe('a reader who begins in an empty folder', () => {
  let kelpied: Kelpied;
  let home: string;
  let server: ChildProcess | undefined;

  beforeEach(async () => {
    home = mkdtempSync(join(tmpdir(), 'kelpie-manual-'));
    kelpied = await startKelpied();
  });

  afterEach(async () => {
    if (server) signal(server, 'SIGKILL');
    await kelpied.kill();
    // The caches of Go are read-only.
    execFileSync('chmod', ['-R', 'u+w', home]);
    rmSync(home, { recursive: true });
  });

  for (const manual of manuals) {
    it(`has a server of the network with the manual of ${manual.language}`, async () => {
      const { files, released, look, sees, prints, runsOn } = manual;
      const folder = join(home, 'lobby');
      mkdirSync(folder);
      const variables = manual.release(home);
      const env = { ...process.env, ...variables, KELPIE_ENDPOINTS: kelpied.endpoint };
      const commands: string[] = [];
      const ready = (): void => {
        for (const command of commands.splice(0)) {
          if (!released?.test(command)) execFileSync('sh', ['-c', command], { cwd: folder, env });
        }
      };
      for (const { language, text } of blocksOf(manual)) {
        if (language === 'sh') {
          ready();
          commands.push(...text.trimEnd().split('\n'));
        } else if (files[language] !== undefined) {
          ready();
          mkdirSync(dirname(join(folder, files[language])), { recursive: true });
          writeFileSync(join(folder, files[language]), text);
        }
      }
      const command = manual.server ?? commands.pop() ?? '';
      ready();

      // The shell and all that it starts are one group.
      server = spawn('sh', ['-c', command], { cwd: folder, env, detached: true });
      const exit = once(server, 'exit') as Promise<[number | null]>;
      let printed = '';
      server.stdout?.on('data', (chunk: Buffer) => (printed += chunk.toString()));
      server.stderr?.on('data', (chunk: Buffer) => process.stderr.write(chunk));
      if (!runsOn) await exit;
      await looksUntil(look, (seen) => sees.test(seen));
      if (runsOn) {
        await run('npx kelpie publish chat.global hello', { KELPIE_ENDPOINTS: kelpied.endpoint });
        while (!prints.test(printed)) await once(server.stdout ?? server, 'data');
        signal(server, 'SIGINT');
        await exit;
        await looksUntil(look, (seen) => !sees.test(seen));
      }
      // Maven ends with a code for colours.
      expect(stripVTControlCharacters(printed)).to.match(prints);
      // Compilers, on a busy machine.
    }).timeout(240_000);
  }

  /** Repeats the command of an operator until it shows that. */
  async function looksUntil(look: string, holds: (seen: string) => boolean): Promise<void> {
    while (!holds(await run(look, { KELPIE_ENDPOINTS: kelpied.endpoint }))) await pause(200);
  }
});

/** Signals the shell and all that it started. */
function signal({ pid, exitCode, signalCode }: ChildProcess, name: NodeJS.Signals): void {
  if (pid !== undefined && exitCode === null && signalCode === null) process.kill(-pid, name);
}
