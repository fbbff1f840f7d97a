/**
 * Idempotent publish. However often a client sends an event, the journal has it once, and only if a client published it
 * and no coordinator refused it. Only a new epoch, which lost the first copy, may have a second one.
 */
import { type Logged, logOf } from '../log.js';
import { type History, ofKind } from '../steps.js';

export function idempotentPublish(history: History): string[] {
  const calls = new Map(ofKind(history, 'publish').map((step) => [step.id, step]));
  const refused = new Set(
    ofKind(history, 'published')
      .filter(({ outcome }) => outcome === 'refused')
      .map(({ id }) => id),
  );
  const first = new Map<string, Logged>();
  const faults: string[] = [];
  for (const event of logOf(history)) {
    const { id, kind, sequence, topic, epoch, source } = event;
    if (kind !== 'messagePublished' || id === undefined) continue;
    const call = calls.get(id);
    if (call?.topic !== topic || call.client !== source || call.atMs > event.atMs)
      faults.push(`nobody published ${id}, which is at ${sequence} on ${topic}`);
    if (refused.has(id)) faults.push(`${id} was refused, and is at ${sequence}`);
    const other = first.get(id);
    if (other?.epoch === epoch) faults.push(`${id} is at ${other.sequence} and at ${sequence}`);
    first.set(id, event);
  }
  return faults;
}
