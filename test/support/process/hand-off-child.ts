/**
 * A game server as a process of its own. It loads one player's data under the player's lock, and saves the data again
 * and again, until its parent sends a message: then it lets go. It reports each acknowledged and each refused save.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, KelpieError } from '../../../client/index.js';

/** A message of the child. */
export interface Saved {
  readonly kind: 'saved' | 'refused';
  readonly n: number;
  readonly token: number;
  /** The server. */
  readonly by: string;
}

const [endpoints = '', name = ''] = process.argv.slice(2);
const kelpie = connect({ name, role: 'DOWNSTREAM', endpoints, logger: { warn: () => undefined } });
// The process ends with its parent, also if the parent crashes.
process.on('disconnect', () => process.exit());
let requests = 0;
process.on('message', () => (requests += 1));

/** Saves until the coordinator stores or refuses the data. Returns whether it stored them. */
async function save(n: number, guard: { bucket: string; key: string; sequence: number }) {
  for (;;) {
    const report = (kind: Saved['kind']) =>
      process.send?.({ kind, n, token: guard.sequence, by: name });
    try {
      await kelpie.state.put('players', 'steve', { n, token: guard.sequence }, { guard });
      report('saved');
      return true;
    } catch (error) {
      const { reason } = error as KelpieError;
      if (reason === 'SEQUENCE_CONFLICT') {
        report('refused');
        return false;
      }
      if (!['UNAVAILABLE', 'STALE_GENERATION', 'OUTCOME_UNKNOWN'].includes(reason)) throw error;
      await sleep(20);
    }
  }
}

async function stay(): Promise<void> {
  const lock = await kelpie.state.lock('player-locks', 'steve', { waitMs: 60_000 });
  const before = requests;
  const stored = await kelpie.state.get('players', 'steve');
  let { n } = (stored?.value ?? { n: 0 }) as { n: number };
  while (await save(++n, lock.guard)) {
    if (requests > before) return lock.release();
    await sleep(5);
  }
}

for (;;) {
  await stay().catch((error: unknown) => {
    if ((error as KelpieError).reason !== 'UNAVAILABLE') throw error;
  });
  await sleep(5);
}
