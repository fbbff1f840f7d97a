/** The log: lines of facts on stderr, for people or for programs. It contains no payloads and no tokens. */
import { pino } from 'pino';
import { MAIN } from '../../core/network-name.js';
import { printable } from '../../core/printable.js';
import { LogOutput, type LogStream } from './output.js';

/** The receiver of log lines, for example a pino logger. */
export interface Logger {
  debug(facts: object, message: string): void;
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
  error(facts: object, message: string): void;
  /** The number of lines that the logger dropped because no process read them. Not every logger counts them. */
  readonly lostLines?: () => number;
}

/** The log of a network: its lines have the name of the network, unless it is main. */
export function logOf(logger: Logger, network: string): Logger {
  if (network === MAIN) return logger;
  const of = (facts: object): object => ({ ...facts, network });
  return {
    debug: (facts, message) => logger.debug(of(facts), message),
    info: (facts, message) => logger.info(of(facts), message),
    warn: (facts, message) => logger.warn(of(facts), message),
    error: (facts, message) => logger.error(of(facts), message),
  };
}

/** The log of a process. */
export interface ProcessLog extends Logger {
  readonly lostLines: () => number;
  /** Called before the process ends. Resolves when all lines are written, or after a second. */
  flush(): Promise<void>;
}

/** The lowest level of lines in the log, and their form. */
export interface LogOptions {
  readonly level: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  readonly format: 'pretty' | 'json';
  /** Colours, for a terminal. */
  readonly colours: boolean;
}

/** A line that pino writes. */
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
    log.warn({ lines }, 'lines of this log were dropped because no process read them');
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

/** The line with all unprintable characters escaped, because a terminal may show it. It is still the same JSON. */
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

/** A text may come from any peer: it is escaped and quoted, so that it stays on its line and between its quotes. */
function plain(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return printable(/^[\w.:/[\]{}",-]+$/.test(text) ? text : JSON.stringify(text));
}
