/**
 * Sequences never run back. A new epoch begins above every sequence that any epoch before it handed out, and nobody gets
 * anything of an older epoch once they have seen the newer one.
 */
import { positionsOf } from '../log.js';
import type { History } from '../steps.js';

export function epochs(history: History): string[] {
  return [...ranges(history), ...returns(history)];
}

/** Epochs do not overlap: the first that was seen is the lowest. */
function ranges(history: History): string[] {
  const seen = new Map<string, { low: number; high: number }>();
  for (const { position } of positionsOf(history)) {
    const { epoch, sequence } = position;
    const { low, high } = seen.get(epoch) ?? { low: sequence, high: sequence };
    seen.set(epoch, { low: Math.min(low, sequence), high: Math.max(high, sequence) });
  }
  const all = [...seen];
  return all.slice(1).flatMap(([epoch, { low }], index) => {
    const [before, { high }] = all[index] ?? ['', { high: 0 }];
    if (low > high) return [];
    return [`epoch ${epoch} begins at ${low}, and ${before} went up to ${high}`];
  });
}

function returns(history: History): string[] {
  const left = new Map<string, Set<string>>();
  const now = new Map<string, string>();
  const faults: string[] = [];
  for (const { step, position } of positionsOf(history)) {
    const { client } = step;
    const epoch = now.get(client);
    if (epoch === position.epoch) continue;
    const former = left.get(client) ?? new Set();
    if (former.has(position.epoch)) faults.push(`${client} is back in epoch ${position.epoch}`);
    if (epoch !== undefined) left.set(client, former.add(epoch));
    now.set(client, position.epoch);
  }
  return faults;
}
