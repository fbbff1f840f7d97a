/** The findings of `kelpie doctor`. */

/** The result of one check. A warning is no failure; `notYet` stands for a part that Kelpie does not have yet. */
export interface Finding {
  readonly check: string;
  readonly status: 'ok' | 'warning' | 'failed' | 'notYet';
  readonly finding: string;
  /** Advice to the user. */
  readonly advice?: string;
}

/** A check failed, and the checks after it would have no meaning. */
export class Trouble extends Error {
  readonly advice: string;

  constructor(finding: string, advice: string) {
    super(finding);
    this.advice = advice;
  }
}
