import { inSoak } from './soak.js';

/** Longer than anything takes. Most tests end earlier than that. */
const CEILING_MS = inSoak(300_000, 60_000);

/** Resolves when the condition holds. Checks it each time that the process has nothing else to do. */
export async function until(condition: () => boolean): Promise<void> {
  const giveUpMs = performance.now() + CEILING_MS;
  while (!condition()) {
    if (performance.now() > giveUpMs) throw new Error(`waited in vain for ${String(condition)}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
