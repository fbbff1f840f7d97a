/** Asks whether the session that holds a name is alive, at whichever coordinator it is. */
import type { Exchange } from '../cluster/exchange.js';
import type { Times } from '../network/limits.js';
import type { LivenessProbe } from '../nodes/claims.js';
import type { Holders } from '../nodes/holders.js';
import type { NodeRows } from '../nodes/rows.js';
import type { SessionRegistry } from './registry.js';

/** The time for question and answer, beside that for the node. */
const TRAVEL_MS = 1000;

/** The parts that a probe uses. */
export interface ProbeParts {
  readonly nodeRows: Pick<NodeRows, 'owners'>;
  readonly holders: Pick<Holders, 'own' | 'of'>;
  readonly registry: Pick<SessionRegistry, 'alive'>;
  readonly exchange: Pick<Exchange, 'answerOf' | 'handle'>;
  readonly times: Pick<Times, 'probeMs'>;
  readonly onFault: (error: unknown) => void;
}

/**
 * Answers the probes of other coordinators, and makes those of this one. A session whose coordinator is gone is dead. If
 * its coordinator does not answer, nobody knows.
 */
export function sessionProbe(parts: ProbeParts): LivenessProbe {
  const { nodeRows, holders, registry, exchange, times, onFault } = parts;
  exchange.handle('probeSession', ({ node, sessionId }, asker) => {
    const answer = (alive: boolean): void =>
      asker.answer({ $case: 'sessionProbed', value: { alive } });
    registry.alive(node, sessionId).then(answer, onFault);
  });
  const options = { kind: 'sessionProbed', timeoutMs: times.probeMs + TRAVEL_MS } as const;
  return {
    async alive(node) {
      const sessionId = nodeRows.owners.get(node)?.value.sessionId ?? '';
      const holder = holders.of(node);
      if (holder === undefined) return false;
      if (holder === holders.own) return registry.alive(node, sessionId);
      const question = { $case: 'probeSession', value: { node, sessionId } } as const;
      return (await exchange.answerOf(holder, question, options))?.alive;
    },
  };
}
