/** A document whose commands, outputs and programs are run by tests, and how they are run. */
import { exec, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { ROOT } from './prose.js';

/** A command of a document, and its output there. */
export interface Shown {
  readonly command: string;
  readonly output: string;
}

export class Document {
  readonly text: string;

  /** `path`: from the root of the repository. With a heading: only its chapter. Throws if there is none. */
  constructor(path: string, heading?: string) {
    const text = readFileSync(`${ROOT}${path}`, 'utf8');
    const [, ...chapters] = text.split(/^## /m);
    const chapter = chapters.find((one) => one.startsWith(`${heading}\n`));
    if (heading !== undefined && chapter === undefined) throw new Error(`no chapter ${heading}`);
    this.text = chapter ?? text;
  }

  /** The fenced blocks of a language, in order. */
  blocks(language: string): string[] {
    const fences = new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, 'gms');
    return [...this.text.matchAll(fences)].map(([, text = '']) => text);
  }

  /** The block of a language that has a text. Throws if it is not exactly one. */
  block(language: string, part: string): string {
    const found = this.blocks(language).filter((block) => block.includes(part));
    if (found.length === 1) return found[0] ?? '';
    throw new Error(`${found.length} blocks of ${language} have ${part}`);
  }

  /** The commands that begin so in console blocks, with their outputs. */
  commands(start: string): Shown[] {
    return this.blocks('console')
      .join('')
      .split(/^\$ /m)
      .filter((text) => text !== '' && text.startsWith(start))
      .map((text) => {
        const [command = '', ...output] = text.split('\n');
        return { command, output: output.join('\n') };
      });
  }

  /** The rows of the table whose first column has this name. */
  table(column: string): string[][] {
    const pattern = new RegExp(`^\\| ${column} .*\n\\|[-| ]+\n((?:\\|.*\n)+)`, 'm');
    const [, rows = ''] = pattern.exec(this.text) ?? [];
    return rows
      .trimEnd()
      .split('\n')
      .map((row) =>
        row
          .split('|')
          .slice(1, -1)
          .map((cell) => cell.trim()),
      );
  }
}

/** Without the parts that differ from run to run: times, random ids, tags, sequences, sizes and ports. */
export function masked(text: string): string {
  return text
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '<time>')
    .replaceAll(/[A-Za-z0-9+/]{22}==|\b[0-9a-f]{32}\b/g, '<id>')
    .replaceAll(/"tag": \d+/g, '"tag": <tag>')
    .replaceAll(/\b\d{16}\b/g, '<sequence>')
    .replaceAll(/127\.0\.0\.1:(?!19132)\d+/g, '127.0.0.1:<port>')
    .replaceAll(/\d+(\.\d)? ([KM]i)?B\b/g, '<size>')
    .replaceAll(/\d+ (rows|entries)|(?<=^entries +)\d+/gm, '<count>')
    .replaceAll(/\d+\.\d ms/g, '<duration>')
    .replaceAll(/up \d+ (s|min)( \d+ s)?/g, 'up <duration>')
    .replaceAll(/(?<=^NODE +BEHIND .*\n).+/gm, '<session>')
    .replaceAll(/KELPIE_ENDPOINTS=\S+ /g, '')
    .replaceAll(/^npm warn .*\n/gm, '')
    .trimEnd();
}

/** The frames of all messages that are printed, one after another, without what differs from run to run. */
export function framesOf(printed: string): object[] {
  const ids = /"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"/g;
  const messages = masked(printed).replaceAll(/<tag>/g, '0').replaceAll(ids, '"<uuid>"');
  return messages
    .split(/^(?=\{)/m)
    .flatMap((message) => (JSON.parse(message) as { frames: object[] }).frames);
}

/** Both streams, as a terminal shows them; buf writes errors to the other one. */
export async function run(command: string, env: NodeJS.ProcessEnv): Promise<string> {
  const options = { cwd: ROOT, env: { ...process.env, ...env } };
  const { stdout, stderr } = await promisify(exec)(command, options).catch(
    (error: unknown) => error as { stdout: string; stderr: string },
  );
  return stdout + stderr;
}

/** Runs so many commands of a document, and compares what they print. */
export async function expectShown(
  shown: readonly Shown[],
  count: number,
  env: NodeJS.ProcessEnv & { readonly KELPIE_ENDPOINTS: string },
): Promise<void> {
  expect(shown).to.have.length(count);
  for (const { command, output } of shown) {
    const printed = await run(command.replaceAll('127.0.0.1:50051', env.KELPIE_ENDPOINTS), env);
    expect(masked(printed), command).to.equal(masked(output));
  }
}

/** Runs a program of a document in the repository, where `kelpie` is this package. */
export function start(program: string, env: NodeJS.ProcessEnv) {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    cwd: ROOT,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  // Also when a test fails before it stops the program.
  const reap = (): boolean => child.kill('SIGKILL');
  process.once('exit', reap);
  child.once('exit', () => process.off('exit', reap));
  let printed = '';
  child.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  return {
    /** All that it has printed, once a pattern fits. Rejects if it ends before, or after 10 s. */
    prints: async (pattern: RegExp): Promise<string> => {
      const signal = AbortSignal.timeout(10_000);
      const more = async (): Promise<unknown> => {
        if (child.stdout.readableEnded) throw new Error('the program ended');
        return Promise.race(['data', 'end'].map((event) => once(child.stdout, event, { signal })));
      };
      while (!pattern.test(printed)) {
        await more().catch((cause: unknown) => {
          const message = `the program did not print ${String(pattern)}, but: ${printed}`;
          throw new Error(message, { cause });
        });
      }
      return printed;
    },
    /** Asks it to end. Resolves with its exit code; null if the signal ended it. */
    stop: async (): Promise<number | null> => {
      if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
      const gone = once(child, 'exit') as Promise<[number | null]>;
      child.kill();
      return (await gone)[0];
    },
  };
}
