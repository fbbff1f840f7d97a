/**
 * While this coordinator is cut off from the engine, it asks its sessions to move to another one, again and again: another
 * may come back before this one does. Only nodes that can stay are asked, so nobody leaves without a place to go to.
 */
import type { Members } from '../cluster/members.js';
import { type Cancel, type Clock, every } from '../core/clock.js';
import { durationOf } from '../core/duration.js';
import type { Times } from '../network/limits.js';
import type { SessionRegistry } from './registry.js';

/** Nodes with this feature in their Hello keep their stream if no other coordinator welcomes them. */
export const MAY_STAY = 'drain-may-stay';

interface CutOffParts {
  readonly members: Pick<Members, 'onCutOff'>;
  readonly registry: Pick<SessionRegistry, 'all'>;
  readonly clock: Clock;
  readonly times: Pick<Times, 'drainMs' | 'aliveMs'>;
}

export function moveWhileCutOff({ members, registry, clock, times }: CutOffParts): Cancel {
  const drain = {
    grace: durationOf(times.drainMs),
    reconnectWindow: durationOf(Math.min(1000, times.drainMs / 2)),
    mayStay: true,
  };
  const ask = (): void => {
    for (const session of registry.all) session.drain(drain);
  };
  let stop: Cancel = () => undefined;
  const unsubscribe = members.onCutOff((cutOff) => {
    stop();
    if (!cutOff) return;
    ask();
    stop = every(clock, times.aliveMs, ask);
  });
  return () => {
    stop();
    unsubscribe();
  };
}
