/** The findings of `kelpie doctor`. */

/** The result of one check. A warning is no failure. `notChecked`: this credential may not ask. */
export interface Finding {
  readonly check: string;
  readonly status: 'ok' | 'warning' | 'failed' | 'notChecked';
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
