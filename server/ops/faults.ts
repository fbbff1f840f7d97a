/** Where the faults of a coordinator go. */
import { KelpieError, type ReasonName } from '../core/errors.js';
import { printable } from '../core/printable.js';
import type { CoordinatorOptions } from './config/options.js';
import type { Telemetry } from './telemetry.js';

const REPORTED: readonly ReasonName[] = ['JOURNAL_READ_ONLY', 'ENGINE_UNAVAILABLE'];

/** Hands faults to the user, counts them, and never throws. */
export function faultHandler(
  { onFault, logger }: CoordinatorOptions,
  telemetry: Telemetry | undefined,
): (error: unknown) => void {
  const log = logger && ((err: unknown) => logger.error({ err }, 'fault'));
  const report = onFault ?? log ?? printFault;
  return (error) => {
    // The reason was reported once. From then on every write fails with this error.
    if (error instanceof KelpieError && REPORTED.includes(error.reason)) return;
    telemetry?.fault();
    try {
      report(error);
    } catch (own) {
      // The user's handler failed too: print both errors for the operator.
      printFault(own);
      printFault(error);
    }
  };
}

function printFault(error: unknown): void {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  const lines = `kelpied: ${text}`.split('\n').map((line) => `${printable(line)}\n`);
  process.stderr.write(lines.join(''));
}
