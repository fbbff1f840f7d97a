/** Names that a user may have meant. */
import type { Api } from '../../api/api.js';
import { fromThrown } from '../../errors.js';

const LOOK_MS = 1000;
const MOST_NAMES = 3;

/** Nodes whose names are nearly the one that an error does not find. None for other errors. */
export async function nearNames(api: Api, thrown: unknown): Promise<string[]> {
  const { reason, metadata } = fromThrown(thrown);
  const wanted = (metadata['node'] ?? metadata['name'] ?? '').toLowerCase();
  if ((reason !== 'NODE_NOT_FOUND' && reason !== 'NO_TARGET') || wanted === '') return [];
  try {
    const { nodes } = await api.nodes.list({ pageSize: 1000 }, { timeoutMs: LOOK_MS });
    return nearest(
      wanted,
      nodes.map(({ name }) => name),
    );
  } catch {
    // The error itself is what the user needs.
    return [];
  }
}

/** The names that one or two typing errors make of another, nearest first. Pure. */
export function nearest(wanted: string, names: readonly string[]): string[] {
  const most = Math.min(2, Math.floor(wanted.length / 2));
  return names
    .map((name) => ({ name, distance: distanceOf(wanted, name) }))
    .filter(({ distance }) => distance <= most)
    .sort((left, right) => left.distance - right.distance)
    .slice(0, MOST_NAMES)
    .map(({ name }) => name);
}

/** How many letters are to be changed, added or removed to make one of the other. */
function distanceOf(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const changed = (row[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min(changed, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
