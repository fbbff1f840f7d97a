/** The log lines about sessions and nodes. */
import { NodeRole } from '../../../gen/ts/kelpie/v1/node.js';
import type { Clock } from '../../core/clock.js';
import type { Network } from '../../network/network.js';
import { departures } from '../../nodes/departures.js';
import type { NodeRows } from '../../nodes/rows.js';
import type { Logger } from './log.js';
import { RefusalLog } from './refusals.js';
import type { OpenedSession, SessionEnd, SessionObserver } from '../../session/observer.js';

const OPENED: Record<OpenedSession['outcome'], string> = {
  NEW: 'session opened',
  RESUMED: 'session resumed',
  REPLACED: 'session opened in place of another process',
};

/** The ends of sessions that need no attention of the operator. */
const EXPECTED: readonly SessionEnd[] = [
  'STOPPED',
  'DRAINED',
  'DRAINING',
  'SESSION_REPLACED',
  'EPOCH_ENDED',
];

/** Logs the opening, refusal and end of sessions, and the nodes that leave. */
export function logSessions(
  logger: Logger,
  network: Pick<Network, 'onEntries'>,
  nodeRows: NodeRows,
  clock: Clock,
): SessionObserver {
  const refusals = new RefusalLog(logger, clock);
  network.onEntries((entries) => {
    for (const { name, reason } of departures(nodeRows, entries)) {
      logger[reason === 'LOST' ? 'warn' : 'info']({ node: name, reason }, 'node left');
    }
  });
  return {
    opened({ name, sessionId, generation, outcome, host, credential }) {
      const role = roleName(nodeRows.nodes.get(name)?.value.role);
      const facts = { node: name, role, host, generation, session: sessionId };
      const by = credential && { credential: credential.id, credentialName: credential.name };
      logger.info({ ...facts, ...by }, OPENED[outcome]);
    },
    refused: (refusal) => refusals.refused(refusal),
    ended({ name, sessionId }, end) {
      const level = EXPECTED.includes(end) ? 'info' : 'warn';
      logger[level]({ node: name, reason: end, session: sessionId }, 'session ended');
    },
    requestFailed(reason) {
      logger.debug({ reason }, 'request failed');
    },
    presenceDiffers() {
      logger.debug({}, 'a proxy and the table differ in their players');
    },
    draining(sessions) {
      refusals.close();
      const level = sessions > 0 ? 'info' : 'debug';
      logger[level]({ sessions }, 'draining: asking nodes to move on');
    },
  };
}

function roleName(role: NodeRole | undefined): string | undefined {
  return Object.entries(NodeRole).find(([, number]) => number === role)?.[0];
}
