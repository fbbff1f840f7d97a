/** Faults of real processes: death, and a freeze in which the process notices nothing. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

/** Longer than any signal takes. */
const CEILING_MS = 10_000;

/** SIGKILL. Resolves when the process is gone. */
export async function kill(process: ChildProcess): Promise<void> {
  if (process.exitCode !== null || process.signalCode !== null) return;
  const gone = once(process, 'exit');
  process.kill('SIGKILL');
  await gone;
}

/** SIGSTOP. Resolves when no thread of the process runs any more. */
export async function freeze(process: ChildProcess): Promise<void> {
  process.kill('SIGSTOP');
  await reaches(process, true);
}

/** SIGCONT. Resolves when the process runs again. */
export async function thaw(process: ChildProcess): Promise<void> {
  process.kill('SIGCONT');
  await reaches(process, false);
}

async function reaches(process: ChildProcess, frozen: boolean): Promise<void> {
  const giveUpMs = performance.now() + CEILING_MS;
  while ((stateOf(process.pid) === 'T') !== frozen) {
    if (performance.now() > giveUpMs) throw new Error(`process ${process.pid} ignores the signal`);
    await pause(5);
  }
}

/** The state of a process as `ps` shows it. The name before it may have spaces and brackets. */
function stateOf(pid: number | undefined): string {
  const stat = readFileSync(`/proc/${String(pid)}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3);
}
