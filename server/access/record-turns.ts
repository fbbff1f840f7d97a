/** Readings and changes of the credentials, one after the other, the most urgent first. */
import { KelpieError } from '../core/errors.js';

/** Works that wait in one lane, unless the coordinator itself asked for them. */
const WAITING = 256;
const RETRY_MS = 1000;

type Work = () => Promise<void>;

/**
 * The lanes, the most urgent first. A change of others may be a revocation, so it is read before anything is changed,
 * and no flood of new credentials delays a revocation.
 */
const lanes = ['reading', 'revocation', 'change', 'housekeeping'] as const;
type Lane = (typeof lanes)[number];

export class RecordTurns {
  readonly #waiting: Readonly<Record<Lane, Work[]>> = {
    reading: [],
    revocation: [],
    change: [],
    housekeeping: [],
  };
  #works = false;

  /** Runs the work in its turn. Throws RATE_LIMIT where peers have too many works waiting. */
  async run<Result>(lane: Lane, work: () => Promise<Result>): Promise<Result> {
    const waiting = this.#waiting[lane];
    if (isBounded(lane) && waiting.length >= WAITING) throw tooMany();
    return new Promise((resolve, reject) => {
      waiting.push(() => work().then(resolve, reject));
      if (!this.#works) void this.#work();
    });
  }

  async #work(): Promise<void> {
    this.#works = true;
    for (let next = this.#next(); next; next = this.#next()) await next();
    this.#works = false;
  }

  #next(): Work | undefined {
    const lane = lanes.find((one) => this.#waiting[one].length > 0);
    return lane && this.#waiting[lane].shift();
  }
}

function isBounded(lane: Lane): boolean {
  return lane === 'revocation' || lane === 'change';
}

function tooMany(): KelpieError {
  const message = `${WAITING} changes of credentials wait already; try again later`;
  return new KelpieError(
    'RATE_LIMIT',
    message,
    { limit: String(WAITING) },
    {
      retryAfterMs: RETRY_MS,
    },
  );
}
