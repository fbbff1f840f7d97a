/** Everything that can be set of a coordinator, also where it is embedded. */
import type { Clock } from '../../core/clock.js';
import type { TailLimits } from '../../delivery/tail.js';
import type { Retention } from '../../journal/journal.js';
import type { Limits, Times } from '../../network/limits.js';
import type { Logger } from '../log.js';

/** Where to serve /metrics and /healthz. */
export interface TelemetryAddress {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
}

export interface CoordinatorOptions {
  /** Where to listen. Default 127.0.0.1. Another machine must reach it only with `insecure`. */
  readonly host?: string;
  /** The port; 0 takes a free one. Default 50051. */
  readonly port?: number;
  /**
   * Whether `host` and the host of `metrics` may be reachable from other machines, though nothing is encrypted
   * and nobody is asked who they are: only on a network that you trust. Default false, which rejects with
   * a RangeError.
   */
  readonly insecure?: boolean;
  /** Where history is kept: in files it survives the process. Default file. */
  readonly journal?: 'file' | 'memory';
  /** The directory of the journal in files, for one coordinator at a time. Default data. */
  readonly data?: string;
  /**
   * When the journal in files is on disk before it is told: at each commit, or in intervals, which may
   * lose the last milliseconds when the power goes. Default commit.
   */
  readonly sync?: 'commit' | 'interval';
  /**
   * How much history is kept. Default 1,000,000 entries, 1 GiB, 24 h, of all topics alike. Rejects with
   * TOPIC_INVALID or TOPIC_RESERVED, or a RangeError, for topics that cannot be kept for less.
   */
  readonly retention?: Partial<Retention>;
  /** How much of it is kept encoded, for readers that are nearly caught up. */
  readonly tail?: Partial<TailLimits>;
  /** What may be sent. */
  readonly limits?: Partial<Limits>;
  /** How long things take. */
  readonly times?: Partial<Times>;
  /** Time, for tests. */
  readonly clock?: Clock;
  /** Hears of faults. Default: the logger's errors; without a logger, a line each on stderr. */
  readonly onFault?: (error: unknown) => void;
  /** Hears what becomes of sessions and nodes. A pino logger is one. Default: nothing is logged. */
  readonly logger?: Logger | undefined;
  /** Where to serve /metrics and /healthz. Default: nowhere. */
  readonly metrics?: TelemetryAddress | undefined;
}

export const defaultRetention: Retention = {
  entries: 1_000_000,
  bytes: 1024 ** 3,
  ageMs: 24 * 60 * 60 * 1000,
};

export const defaultTail: TailLimits = { entries: 65_536, bytes: 64 * 1024 ** 2 };
