/** The log: lines of facts on stderr, for people or for programs. Never payloads, never tokens. */
import { pino } from 'pino';
import { printable } from '../core/printable.js';
import { LogOutput, type LogStream } from './log-output.js';

/** Where the log goes. A pino logger is one. */
export interface Logger {
  debug(facts: object, message: string): void;
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
  error(facts: object, message: string): void;
  /** How many lines were left out because nobody read them. A logger may not know it. */
  readonly lostLines?: () => number;
}

/** The log of a process. */
export interface ProcessLog extends Logger {
  readonly lostLines: () => number;
  /** Before the process ends: resolves when all is written, or nobody reads it. */
  flush(): Promise<void>;
}

/** How much is logged, and how it looks. */
export interface LogOptions {
  readonly level: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  readonly format: 'pretty' | 'json';
  /** Colours, for a terminal. */
  readonly colours: boolean;
}

/** A line as pino writes it. */
interface Line extends Record<string, unknown> {
  readonly level: string;
  readonly time: string;
  readonly msg: string;
  readonly err?: { readonly stack: string };
}

const GREY = '\u001b[90m';
const PLAIN = '\u001b[0m';
const COLOURS: Readonly<Record<string, string>> = {
  debug: GREY,
  info: '\u001b[32m',
  warn: '\u001b[33m',
  error: '\u001b[31m',
};

export function createLogger(
  { level, format, colours }: LogOptions,
  stream: LogStream = process.stderr,
): ProcessLog {
  const output = new LogOutput(stream, (lines) => {
    log.warn({ lines }, 'lines of this log were left out, as nobody read them');
  });
  const form = format === 'json' ? jsonLine : (line: string) => prettyLine(line, colours);
  const log = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    { write: (line: string) => output.write(form(line)) },
  );
  return Object.assign(log, { lostLines: () => output.lost, flush: () => output.flush() });
}

/** The same JSON: a terminal may show it too. */
function jsonLine(line: string): string {
  return `${printable(line.trimEnd())}\n`;
}

/** `20:15:03 info  session opened  node=lobby-1 generation=4`; the stack of an error follows. */
function prettyLine(line: string, colours: boolean): string {
  const { level, time, msg, err, ...facts } = JSON.parse(line) as Line;
  const paint = (colour: string, text: string) => (colours ? colour + text + PLAIN : text);
  const clock = new Date(time).toTimeString().slice(0, 8);
  const pairs = Object.entries(facts).map(([name, value]) => `${printable(name)}=${plain(value)}`);
  const words = [
    paint(GREY, clock),
    paint(COLOURS[level] ?? PLAIN, level.padEnd(5)),
    [printable(msg), paint(GREY, pairs.join(' '))]
      .filter((part) => part !== paint(GREY, ''))
      .join('  '),
  ];
  return [words.join(' '), ...(err?.stack.split('\n').map(printable) ?? [])]
    .map((one) => `${one}\n`)
    .join('');
}

/** Texts that anybody may have chosen stay on their line, and between their quotes. */
function plain(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return printable(/^[\w.:/[\]{}",-]+$/.test(text) ? text : JSON.stringify(text));
}
