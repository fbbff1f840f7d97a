/** The listeners that the user of a journal gives to it when they open it. */
export interface JournalFaults {
  readonly onFault: (error: unknown) => void;
  /** The fault that ended writing. */
  readonly onReadOnly: (error: unknown) => void;
  /**
   * The epoch of the journal has ended for this reason, and the engine has a new one. The journal stores nothing more;
   * a user that opens it anew gets the new epoch.
   */
  readonly onEpochEnd: (reason: string) => void;
}
