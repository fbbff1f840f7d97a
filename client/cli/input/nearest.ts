/** Names of nodes that a user may have meant. */
import type { Api } from '../../api/api.js';
import { nearest } from '../../core/nearest.js';
import { fromThrown } from '../../errors.js';

const LOOK_MS = 1000;

/** Nodes whose names are nearly the one that an error does not find. None for other errors. */
export async function nearNames(api: Api, thrown: unknown): Promise<string[]> {
  const { reason, metadata } = fromThrown(thrown);
  const wanted = (metadata['node'] ?? metadata['name'] ?? '').toLowerCase();
  if ((reason !== 'NODE_NOT_FOUND' && reason !== 'NO_TARGET') || wanted === '') return [];
  try {
    const { nodes } = await api.nodes.list({ pageSize: 1000 }, { timeoutMs: LOOK_MS });
    const names = nodes.map(({ name }) => name);
    // A node of this name has another role than the one that is wanted.
    return names.includes(wanted) ? [] : nearest(wanted, names);
  } catch {
    // The error itself is what the user needs.
    return [];
  }
}
