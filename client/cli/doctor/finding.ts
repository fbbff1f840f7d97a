/** What `kelpie doctor` finds. */

/** Of one check. A warning is no failure; `notYet` is what Kelpie itself does not have yet. */
export interface Finding {
  readonly check: string;
  readonly status: 'ok' | 'warning' | 'failed' | 'notYet';
  readonly finding: string;
  /** What to do about it. */
  readonly advice?: string;
}

/** A check failed, and those after it would say nothing. */
export class Trouble extends Error {
  readonly advice: string;

  constructor(finding: string, advice: string) {
    super(finding);
    this.advice = advice;
  }
}
