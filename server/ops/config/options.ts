/** All options of a coordinator, also of one that runs inside another program. */
import type { TlsOptions } from '../../core/certificates.js';
import type { Clock } from '../../core/clock.js';
import type { TailLimits } from '../../delivery/tail.js';
import type { Retention } from '../../journal/journal.js';
import type { Limits, Times } from '../../network/limits.js';
import type { Logger } from '../log/log.js';

/** Where to serve /metrics and /healthz. */
export interface TelemetryAddress {
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
}

/** Where a Redis is. */
export interface RedisServer {
  /**
   * `redis://host:6379`, `rediss://user:password@host:6379` with TLS, `redis+sentinel://host:26379,host:26379/primary`,
   * or `redis+cluster://host:6379,host:6379`.
   */
  readonly url: string;
  /** The CA of its certificate in PEM, or a file with it. Default: those that the system trusts. */
  readonly ca?: string | undefined;
  /** A file in which the password of the URL stands. `kelpie doctor --security` shows whether others can read it. */
  readonly passwordFile?: string | undefined;
}

export interface CoordinatorOptions {
  /** The address to listen on. Default 127.0.0.1. An address that other machines can reach needs `tls`. */
  readonly host?: string;
  /** The port; 0 takes a free port. Default 50051. */
  readonly port?: number;
  /**
   * The host at which others reach the coordinator, or host and port, for `kelpie coordinators`. Default: `host`; if
   * that stands for all addresses, an address of this machine.
   */
  readonly advertise?: string | undefined;
  /**
   * The certificate of the coordinator, which then encrypts every connection. The coordinator looks at the files every
   * second, and takes new certificates without a break. `startCoordinator` rejects with a RangeError if they do not fit.
   */
  readonly tls?: TlsOptions | undefined;
  /**
   * Whether other machines may reach `host` without TLS, and the host of `metrics`, which has no TLS. Set it only on a
   * network that you trust. Default false: `startCoordinator` then rejects such hosts with a RangeError.
   */
  readonly insecure?: boolean;
  /**
   * Where the coordinator keeps history. In files it survives the process. In Redis several coordinators share it.
   * Default file.
   */
  readonly journal?: 'file' | 'memory' | 'redis';
  /** The Redis of the journal in Redis. */
  readonly redis?: RedisServer;
  /**
   * The directory of the journal in files. One coordinator at a time may use it. Default data. With the journal in Redis
   * it has a mark alone, if it is given: after the first credential the coordinator does not start without credentials.
   */
  readonly data?: string;
  /**
   * When the journal in files forces entries to the disk. `commit`: before the coordinator acknowledges them.
   * `interval`: shortly after; a power cut may lose the last milliseconds. Default commit.
   */
  readonly sync?: 'commit' | 'interval';
  /**
   * How much history the coordinator keeps. Default 1,000,000 entries, 1 GiB and 24 h, without other limits for single
   * topics. `startCoordinator` rejects with TOPIC_INVALID, TOPIC_RESERVED or a RangeError if a topic may not have a
   * retention of its own.
   */
  readonly retention?: Partial<Retention>;
  /** How much of the newest history stays encoded in memory, for readers that have nearly caught up. */
  readonly tail?: Partial<TailLimits>;
  /** The limits of requests, sessions and calls. */
  readonly limits?: Partial<Limits>;
  /** The durations of the protocol. */
  readonly times?: Partial<Times>;
  /** The clock. Tests replace it. */
  readonly clock?: Clock;
  /** Gets every fault. Default: the logger logs it as an error; without a logger, it is a line on stderr. */
  readonly onFault?: (error: unknown) => void;
  /** Gets the log lines about sessions and nodes, for example a pino logger. Default: no log. */
  readonly logger?: Logger | undefined;
  /** Where to serve /metrics and /healthz. Default: nowhere. */
  readonly metrics?: TelemetryAddress | undefined;
}

export const defaultRetention: Retention = {
  entries: 1_000_000,
  bytes: 1024 ** 3,
  ageMs: 24 * 60 * 60 * 1000,
};

export const defaultRedis: RedisServer = { url: 'redis://127.0.0.1:6379' };

export const defaultTail: TailLimits = { entries: 65_536, bytes: 64 * 1024 ** 2 };
