/**
 * Says what goes wrong to a developer who does not read `status()`: without it, a client that reaches no
 * coordinator, or whose handlers throw, would look like one that has nothing to do.
 */
import type { Clock } from './core/clock.js';
import { messageOf } from './errors.js';
import type { Status } from './status.js';
import { cutText } from './core/text.js';

/** Takes what a developer should know. Loggers such as pino and the console are ones. */
export interface WarningLogger {
  warn(message: string): void;
}

/** Of one kind so often; how many were left out stands in the next one. */
const INTERVAL_MS = 60_000;

/** Of what a peer or an error says. */
const MOST_LETTERS = 1024;
/** Of a stack. */
const FRAMES = 10;

/** Without a logger, warnings go where the process has its own: to stderr, unless it handles them. */
export const processWarnings: WarningLogger = {
  warn: (message) => process.emitWarning(message, 'KelpieWarning'),
};

interface Kind {
  reportedMs: number;
  leftOut: number;
}

export class Warnings {
  readonly #node: string;
  readonly #logger: WarningLogger;
  readonly #clock: Clock;
  readonly #kinds = new Map<Status['type'], Kind>();
  #endpoint = '';
  /** The last stream was a session. */
  #connected = false;

  constructor(node: string, logger: WarningLogger, clock: Clock) {
    this.#node = printable(node);
    this.#logger = logger;
    this.#clock = clock;
  }

  /** Takes a status that nobody reads. */
  hear(status: Status): void {
    const message = this.#messageOf(status);
    const where = status.type === 'handlerFailed' ? placeOf(status.error) : '';
    if (message !== undefined) this.#warn(status.type, printable(message), where);
  }

  #messageOf(status: Status): string | undefined {
    switch (status.type) {
      case 'connecting':
        this.#endpoint = status.endpoint;
        return undefined;
      case 'connected':
        this.#connected = true;
        return undefined;
      case 'disconnected':
        return this.#disconnected(status.error);
      case 'handlerFailed':
        return `the handler of "${status.pattern}" failed: ${messageOf(status.error)}`;
      case 'refused':
        return `the coordinator refused a request, which was not done: ${status.error.message}`;
      case 'fileFailed':
        return `the file ${status.path} cannot be read or written: ${messageOf(status.error)}`;
      case 'gap':
        return 'events were lost and reach no handler; load anew what follows from them';
      case 'closed':
        return (
          status.error && `the client ended and does not connect again: ${status.error.message}`
        );
      default:
        return undefined;
    }
  }

  /** A session that broke comes back by itself; an attempt that fails may be a mistake. */
  #disconnected(error: Error | undefined): string | undefined {
    const broke = this.#connected;
    this.#connected = false;
    if (broke) return undefined;
    const why = error ? `: ${error.message}` : '';
    return (
      `no coordinator welcomes it at ${this.#endpoint}${why}; it goes on trying. ` +
      'Does kelpied run there? The option `endpoints`, or KELPIE_ENDPOINTS, says where it is'
    );
  }

  #warn(type: Status['type'], message: string, where: string): void {
    const nowMs = this.#clock.now();
    const kind = this.#kinds.get(type);
    if (kind && nowMs - kind.reportedMs < INTERVAL_MS) {
      kind.leftOut += 1;
      return;
    }
    const more = kind?.leftOut ? ` (${kind.leftOut} more like it since the last warning)` : '';
    this.#kinds.set(type, { reportedMs: nowMs, leftOut: 0 });
    const text = `node "${this.#node}": ${message}${more}; read client.status() to handle it${where}`;
    try {
      this.#logger.warn(text);
    } catch {
      // A logger that throws has nobody to tell it to.
    }
  }
}

/** Where an error was thrown, without what it says. */
function placeOf(error: unknown): string {
  if (!(error instanceof Error) || typeof error.stack !== 'string') return '';
  const frames = error.stack.split('\n').filter((line) => line.startsWith('    at '));
  return frames
    .slice(0, FRAMES)
    .map((line) => `\n${printable(line)}`)
    .join('');
}

/** On one line: what a terminal would obey, or take for a new line, is shown instead. */
function printable(text: string): string {
  return cutText(text, MOST_LETTERS).replace(
    /[\p{C}\u2028\u2029]/gu,
    (letter) => `\\u{${letter.codePointAt(0)?.toString(16) ?? ''}}`,
  );
}
