/** The faults of an engine itself. */
export type JournalErrorCode =
  /** The data directory is missing, is not a directory, or is not writable. */
  | 'FOLDER'
  /** Another process uses the data. */
  | 'IN_USE'
  /** A newer version of Kelpie wrote the data. */
  | 'FORMAT'
  /** The data differs from the data that was written. */
  | 'DAMAGED'
  /** The disk is full. */
  | 'DISK_FULL'
  /** The disk or the file system failed. */
  | 'IO'
  /** The engine of a cluster does not answer, or refuses. */
  | 'UNREACHABLE'
  /** The engine is set up in a way with which the promises of Kelpie are false. */
  | 'SETTINGS'
  /** The journal stores nothing more because of an earlier fault, which is the cause. */
  | 'READ_ONLY'
  /** An operator interrupted the work. */
  | 'INTERRUPTED'
  /** The journal is closed. */
  | 'CLOSED';

/**
 * An error for the operator of a coordinator: the message says what is wrong and what to do. Users of the network
 * never get it; their errors are in `core/errors.ts`.
 */
export class JournalError extends Error {
  readonly code: JournalErrorCode;

  constructor(code: JournalErrorCode, message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'JournalError';
    this.code = code;
  }
}

/** `append` rejects with it if it certainly stored nothing: the engine is away or refuses. A later try may succeed. */
export class NotStored extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'NotStored';
  }
}

/** The epoch of the journal has ended: it stores nothing any more. The cause of an unknown outcome may be this error too. */
export class JournalEnded extends NotStored {
  constructor(message: string) {
    super(message);
    this.name = 'JournalEnded';
  }
}
