/** Reads the processor time of other processes from /proc. */
import { readFileSync } from 'node:fs';

/** Linux reports processor time to programs in ticks: this many a second. */
const TICKS_PER_SECOND = 100;

/** User and system time of all of them so far, in seconds; undefined where there is no /proc. */
export function cpuSeconds(pids: readonly number[]): number | undefined {
  try {
    return pids.reduce((sum, pid) => sum + secondsOf(pid), 0);
  } catch {
    return undefined;
  }
}

function secondsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The second field is the name of the program, in brackets. It may contain spaces.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}
