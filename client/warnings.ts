/**
 * Warnings for a developer who does not read `status()`. Without them, a client that reaches no coordinator, or whose
 * handlers throw, would look like a client without work.
 */
import type { Clock } from './core/clock.js';
import { type FailureReason, type KelpieError, messageOf } from './errors.js';
import type { Status } from './status.js';
import { cutText } from './core/text.js';

/** Takes warnings for the developer. The console and loggers such as pino can be used. */
export interface WarningLogger {
  warn(message: string): void;
}

/** The time between two warnings of one kind. The next warning has the number of those that were left out. */
const INTERVAL_MS = 60_000;

/** The most code points of a warning. */
const MOST_LENGTH = 1024;
/** The most lines of a stack. */
const FRAMES = 10;

/** The default logger: the warnings of the process, which go to stderr unless the program handles them. */
export const processWarnings: WarningLogger = {
  warn: (message) => process.emitWarning(message, 'KelpieWarning'),
};

/** The token of the node is not good any more. */
const CREDENTIAL_ENDED: readonly FailureReason[] = [
  'CREDENTIAL_INVALID',
  'CREDENTIAL_EXPIRED',
  'CREDENTIAL_REVOKED',
];

/** Errors of attempts whose messages say what to do. */
const HAS_ADVICE: readonly FailureReason[] = [
  ...CREDENTIAL_ENDED,
  'AUTHENTICATION_LIMIT',
  'FILE_INVALID',
  'CERTIFICATE_UNTRUSTED',
  'CERTIFICATE_EXPIRED',
  'CERTIFICATE_WRONG_HOST',
  'CLIENT_CERTIFICATE_REQUIRED',
  'CLIENT_CERTIFICATE_REFUSED',
  'TLS_REQUIRED',
  'TLS_UNSUPPORTED',
];

interface Kind {
  reportedMs: number;
  leftOut: number;
}

export class Warnings {
  readonly #node: string;
  readonly #logger: WarningLogger;
  readonly #clock: Clock;
  readonly #kinds = new Map<string, Kind>();
  #endpoint = '';
  /** Whether the last stream had a session. */
  #connected = false;

  constructor(node: string, logger: WarningLogger, clock: Clock) {
    this.#node = printable(node);
    this.#logger = logger;
    this.#clock = clock;
  }

  /** Takes a status that nobody reads. */
  take(status: Status): void {
    const message = this.#messageOf(status);
    const where = status.type === 'handlerFailed' ? placeOf(status.error) : '';
    if (message !== undefined) this.#warn(kindOf(status), printable(message), where);
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
        return `the coordinator refused a request and did not carry it out: ${status.error.message}`;
      case 'fileFailed':
        return `the file ${status.path} cannot be read or written: ${messageOf(status.error)}`;
      case 'credentialExpiring':
        return (
          `the credential of the node expires in ${inWords(status.expiresInMs)}, and its session ` +
          'ends then; an operator makes a new token with kelpie token rotate'
        );
      case 'gap':
        return 'events were lost and reach no handler; load again all data that the program derives from them';
      case 'closed':
        return (
          status.error && `the client ended and does not connect again: ${status.error.message}`
        );
      default:
        return undefined;
    }
  }

  /**
   * A broken session needs no warning, since the client connects again: unless its token is not good any more. A failed
   * attempt may come from a mistake.
   */
  #disconnected(error: KelpieError | undefined): string | undefined {
    const broke = this.#connected;
    this.#connected = false;
    if (error && broke && CREDENTIAL_ENDED.includes(error.reason)) {
      return `the coordinator at ${this.#endpoint} ended the session: ${error.message}; the client keeps trying`;
    }
    if (broke) return undefined;
    const why = error ? `: ${error.message}` : '';
    const failed = `no coordinator accepts the node at ${this.#endpoint}${why}; the client keeps trying`;
    if (error && HAS_ADVICE.includes(error.reason)) return failed;
    return (
      `${failed}. ` +
      'Is kelpied running there? Set its address with the option `endpoints` or KELPIE_ENDPOINTS'
    );
  }

  #warn(type: string, message: string, where: string): void {
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
      // There is no other place to report that the logger throws.
    }
  }
}

/** Statuses of one kind are one warning a minute. An attempt that fails for another reason is another kind. */
function kindOf(status: Status): string {
  if (status.type !== 'disconnected') return status.type;
  return `disconnected ${status.error?.reason ?? ''}`;
}

const UNITS = [
  [3_600_000, 'h'],
  [60_000, 'min'],
  [1000, 's'],
] as const;

/** A time, in the largest unit of which it has two. */
function inWords(timeMs: number): string {
  const [unitMs, unit] = UNITS.find(([one]) => timeMs >= 2 * one) ?? [1000, 's'];
  return `${Math.ceil(timeMs / unitMs)} ${unit}`;
}

/** The stack of an error, without its message. */
function placeOf(error: unknown): string {
  if (!(error instanceof Error) || typeof error.stack !== 'string') return '';
  const frames = error.stack.split('\n').filter((line) => line.startsWith('    at '));
  return frames
    .slice(0, FRAMES)
    .map((line) => `\n${printable(line)}`)
    .join('');
}

/** One line of text: characters that a terminal obeys or takes for a line break are written as escapes. */
function printable(text: string): string {
  return cutText(text, MOST_LENGTH).replace(
    /[\p{C}\u2028\u2029]/gu,
    (letter) => `\\u{${letter.codePointAt(0)?.toString(16) ?? ''}}`,
  );
}
