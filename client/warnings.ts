/**
 * Says what goes wrong to a developer who does not read `status()`: without it, a client that reaches no
 * coordinator, or whose handlers throw, would look like one that has nothing to do.
 */
import type { Clock } from './clock.js';
import { messageOf } from './errors.js';
import type { Status } from './status.js';

/** Takes what a developer should know. Loggers such as pino and the console are ones. */
export interface WarningLogger {
  warn(message: string): void;
}

/** Of one kind so often; how many were left out stands in the next one. */
const INTERVAL_MS = 60_000;

/** Of a stack, and of what a peer says. */
const MOST_LETTERS = 4096;

/** Without a logger, warnings go where the process has its own: to stderr, unless it handles them. */
export const processWarnings: WarningLogger = {
  warn: (message) => process.emitWarning(message, 'KelpieWarning'),
};

interface Kind {
  saidMs: number;
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
    this.#node = node;
    this.#logger = logger;
    this.#clock = clock;
  }

  /** Takes a status that nobody reads. */
  hear(status: Status): void {
    const message = this.#messageOf(status);
    if (message !== undefined) this.#say(status.type, message);
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
        return `the handler of "${status.pattern}" failed: ${stackOf(status.error)}`;
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

  #say(type: Status['type'], message: string): void {
    const nowMs = this.#clock.now();
    const kind = this.#kinds.get(type);
    if (kind && nowMs - kind.saidMs < INTERVAL_MS) {
      kind.leftOut += 1;
      return;
    }
    const more = kind?.leftOut ? ` (${kind.leftOut} more like it since the last warning)` : '';
    this.#kinds.set(type, { saidMs: nowMs, leftOut: 0 });
    const text = `node "${this.#node}": ${message}${more}; read client.status() to handle it`;
    try {
      this.#logger.warn(printable(text));
    } catch {
      // A logger that throws has nobody to tell it to.
    }
  }
}

function stackOf(error: unknown): string {
  const stack = error instanceof Error && typeof error.stack === 'string' ? error.stack : '';
  return (stack || messageOf(error)).slice(0, MOST_LETTERS);
}

/** What a terminal would obey is shown instead; line ends of a stack stay. */
function printable(text: string): string {
  return text.replace(
    /[^\P{C}\n]|[\u2028\u2029]/gu,
    (letter) => `\\u{${letter.codePointAt(0)?.toString(16) ?? ''}}`,
  );
}
