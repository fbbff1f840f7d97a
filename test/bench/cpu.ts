/** Processor time of another process, where the kernel tells it. */
import { readFileSync } from 'node:fs';

/** Linux counts in ticks of this many a second for all programs. */
const TICKS_PER_SECOND = 100;

/** User and system time so far, in seconds; undefined where there is no /proc. */
export function cpuSeconds(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name of the program comes second, in brackets, and may hold spaces.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
  } catch {
    return undefined;
  }
}
