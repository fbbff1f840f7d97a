/** The grace of nodes whose streams nobody saw break, because their coordinator is gone. */
import type { SessionRow } from '../../gen/ts/kelpie/storage/v1/session_row.js';
import type { Table } from '../network/table.js';
import type { Losses } from './grace.js';
import type { Holders } from './holders.js';

export interface Inheritance {
  readonly holders: Pick<Holders, 'own' | 'isGone' | 'onJudged'>;
  /** Whether a claim of this coordinator waits for this row. */
  readonly isAwaited: (row: SessionRow) => boolean;
}

/**
 * Begins the grace of nodes when their coordinator is gone, and ends it if that one is back. Every coordinator on the
 * engine has these timers: the fence of the write decides which of them ends a node. No stream is open at the time of
 * the call, so the grace of all nodes of this coordinator begins now: it had them before it opened the journal anew.
 */
export function inheritNodes(
  owners: Table<SessionRow>,
  losses: Pick<Losses, 'inherited' | 'forget' | 'has'>,
  { holders, isAwaited }: Inheritance,
): void {
  owners.watch((name, _, after) => {
    // A newer stream of the node, at any coordinator: the timer was for the former one.
    losses.forget(name);
    // A claim that this coordinator has given up is stored all the same. No stream will end it.
    if (after?.value.coordinatorId === holders.own && !isAwaited(after.value))
      losses.inherited(name, after.sequence);
  });
  for (const [name, { value, sequence }] of owners.entries()) {
    if (value.coordinatorId === holders.own) losses.inherited(name, sequence);
  }
  const judge = (): void => {
    for (const [name, { value, sequence }] of owners.entries()) {
      if (value.coordinatorId === holders.own) continue;
      if (!holders.isGone(value.coordinatorId, sequence)) losses.forget(name);
      else if (!losses.has(name)) losses.inherited(name, sequence);
    }
  };
  judge();
  holders.onJudged(judge);
}
