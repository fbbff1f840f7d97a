/** At each heartbeat interval the sessions get the loads that nodes reported since. */
import { type Cancel, every } from '../core/clock.js';
import { othersTurn } from '../core/fair-turn.js';
import type { LoadFrames } from '../delivery/load-frames.js';
import type { SessionServices } from './services.js';
import type { SessionRegistry } from './registry.js';

/** Sessions that get a message in one turn of the event loop. */
const AT_ONCE = 16;

/** Begins the rounds. Returns how to stop them. */
export function sendLoadsRegularly(
  frames: LoadFrames,
  registry: SessionRegistry,
  { clock, times, onFault }: Pick<SessionServices, 'clock' | 'times' | 'onFault'>,
): Cancel {
  let busy = false;
  return every(clock, times.heartbeatMs, () => {
    // A round that takes longer than an interval leaves the next one out.
    if (busy) return;
    busy = true;
    frames.endInterval();
    sendLoads(registry)
      .catch(onFault)
      .finally(() => (busy = false));
  });
}

async function sendLoads(registry: SessionRegistry): Promise<void> {
  let sent = 0;
  for (const session of registry.all) {
    if (session.sendLoads() && ++sent % AT_ONCE === 0) await othersTurn();
  }
}
