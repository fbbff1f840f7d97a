/** How much memory another process takes. */
import { readFileSync } from 'node:fs';

/** The private memory of the process in bytes, without mapped files. */
export function ownMemoryOf(pid: number | undefined): number {
  const status = readFileSync(`/proc/${String(pid)}/status`, 'utf8');
  const [, kib = ''] = /^RssAnon:\s+(\d+) kB$/m.exec(status) ?? [];
  if (kib === '') throw new Error(`/proc says nothing of the memory of ${String(pid)}`);
  return Number(kib) * 1024;
}
