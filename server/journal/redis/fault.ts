/** Why a command of Redis failed, and whether Redis may have carried it out. */

import { KelpieError } from '../../core/errors.js';

/** Redis refuses with these before it carries out anything. Errors inside of a script have other words. */
const REFUSALS = new Set([
  'OOM',
  'READONLY',
  'LOADING',
  'MISCONF',
  'BUSY',
  'NOREPLICAS',
  'MASTERDOWN',
  'CLUSTERDOWN',
  'MOVED',
  'ASK',
  'TRYAGAIN',
  'NOSCRIPT',
  'NOAUTH',
  'WRONGPASS',
  'NOPERM',
]);

export const RIGHTS_ADVICE = 'give the user of Redis the rights that server/README.md lists';

/** Advice for operators about answers that do not change by themselves. */
const ADVICE: readonly (readonly [RegExp, string])[] = [
  [
    /^WRONGPASS|^NOAUTH/,
    'set the user and the password of Redis in the setting redis (KELPIE_REDIS)',
  ],
  [/ECONNREFUSED|ENOTFOUND/, 'start Redis there, or correct the setting redis (KELPIE_REDIS)'],
  [/read ECONNRESET/, 'if Redis has TLS there, its URL begins with rediss://'],
  [
    /self-signed certificate|unable to (get|verify)/,
    'name the CA of Redis in the setting redis-ca (KELPIE_REDIS_CA)',
  ],
  [/^NOPERM|The user executing the script can't/, RIGHTS_ADVICE],
];

/** The message of an error, with advice if there is some. */
export function messageOf(error: unknown): string {
  const text = error instanceof Error ? error.message || error.name : String(error);
  const advice = ADVICE.find(([answer]) => answer.test(text))?.[1];
  const message = text.trim().replace(/\.+$/, '');
  return advice === undefined || message.endsWith(advice) ? message : `${message}; ${advice}`;
}

/** A key was lost or is foreign, or Redis is not the one that it was: history may have been lost. */
export class EpochEnded extends Error {}

/** The error for users of the network. */
export function errorFor(cause: unknown): unknown {
  if (cause instanceof EpochEnded) {
    const message = 'the history of the network has ended, and a new one begins; connect again';
    return new KelpieError('EPOCH_ENDED', message, {}, { cause, retryAfterMs: 0 });
  }
  if (!(cause instanceof RedisFault)) return cause;
  const message = 'the coordinator cannot reach the storage of the network; try again';
  return new KelpieError('ENGINE_UNAVAILABLE', message, {}, { cause, retryAfterMs: 1000 });
}

export class RedisFault extends Error {
  /**
   * The first word of the answer of Redis; DISCONNECTED if the command was not sent; LOST if the connection broke after
   * it was sent, or brought no answer in time.
   */
  readonly code: string;
  /** Redis did certainly not carry out the command. */
  readonly refused: boolean;

  constructor(code: string, message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'RedisFault';
    this.code = code;
    this.refused = code === 'DISCONNECTED' || REFUSALS.has(code);
  }

  /** The fault behind an error answer of Redis. */
  static ofReply(error: Error): RedisFault {
    const { message } = error;
    const word = /^[A-Z]+/.exec(message)?.[0] ?? 'ERR';
    // An error of a command that a script called: the script may have written before.
    const inside = /\bscript: [0-9a-f]{40}\b/.test(message);
    return new RedisFault(inside ? `SCRIPT_${word}` : word, messageOf(error), error);
  }
}
