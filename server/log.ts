/** The log: lines of facts on stderr, for people or for programs. Never payloads, never tokens. */
import { pino } from 'pino';

/** Where the log goes. A pino logger is one. */
export interface Logger {
  debug(facts: object, message: string): void;
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
  error(facts: object, message: string): void;
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

/** A logger that writes to stderr before it returns, so that the last words are not lost. */
export function createLogger({ level, format, colours }: LogOptions): Logger {
  const stderr = pino.destination({ dest: 2, sync: true });
  const pretty = { write: (line: string) => stderr.write(prettyLine(line, colours)) };
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    format === 'json' ? stderr : pretty,
  );
}

/** `20:15:03 info  session opened  node=lobby-1 generation=4`; the stack of an error follows. */
function prettyLine(line: string, colours: boolean): string {
  const { level, time, msg, err, ...facts } = JSON.parse(line) as Line;
  const paint = (colour: string, text: string) => (colours ? colour + text + PLAIN : text);
  const clock = new Date(time).toTimeString().slice(0, 8);
  const pairs = Object.entries(facts).map(([name, value]) => `${name}=${plain(value)}`);
  const words = [
    paint(GREY, clock),
    paint(COLOURS[level] ?? PLAIN, level.padEnd(5)),
    [msg, paint(GREY, pairs.join(' '))].filter((part) => part !== paint(GREY, '')).join('  '),
  ];
  return `${words.join(' ')}\n${err ? `${err.stack}\n` : ''}`;
}

/** Texts that anybody may have chosen stay on their line. */
function plain(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return /^[\w.:/[\]{}",-]+$/.test(text) ? text : JSON.stringify(text);
}
