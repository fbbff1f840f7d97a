/** Reads the processor time of another process from /proc. */
import { readFileSync } from 'node:fs';

/** Linux reports processor time to programs in ticks: this many a second. */
const TICKS_PER_SECOND = 100;

/** User and system time so far, in seconds; undefined where there is no /proc. */
export function cpuSeconds(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the name of the program, in brackets. It may contain spaces.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
  } catch {
    return undefined;
  }
}
