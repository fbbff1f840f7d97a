/** What can be wrong with an engine itself. */
export type JournalErrorCode =
  /** The place where it keeps its data is missing, no folder, or must not be written. */
  | 'FOLDER'
  /** Another process has it. */
  | 'IN_USE'
  /** It was written by a newer version. */
  | 'FORMAT'
  /** What was stored is not what is there. */
  | 'DAMAGED'
  /** The disk is full. */
  | 'DISK_FULL'
  /** The disk or the file system failed. */
  | 'IO'
  /** It takes nothing more because of an earlier fault, which is the cause. */
  | 'READ_ONLY'
  /** It was closed. */
  | 'CLOSED';

/**
 * An error for the operator of a coordinator: the message says what is wrong and what to do. It is
 * not for users of the network, whose errors are in `core/errors.ts`.
 */
export class JournalError extends Error {
  readonly code: JournalErrorCode;

  constructor(code: JournalErrorCode, message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'JournalError';
    this.code = code;
  }
}
