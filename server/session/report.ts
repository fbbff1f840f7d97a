/** The report of a session for operators. */
import type { Session as SessionReport } from '../../gen/ts/kelpie/v1/coordinator_service.js';
import type { Feed } from '../delivery/feed.js';

/** The parts of a session that its report shows. */
interface Reported {
  readonly name: string;
  readonly generation: number;
  readonly feed: Feed;
}

/** The report of an open session. `head`: the sequence of the newest entry of the journal. */
export function reportOf(
  { name: nodeName, generation, feed }: Reported,
  { id: sessionId, queuedBytes }: { readonly id: string; readonly queuedBytes: number },
  head: number,
): SessionReport {
  const { position, wakeups, unacknowledgedBytes, filter } = feed;
  return {
    ...{ nodeName, sessionId, generation, position, unacknowledgedBytes, queuedBytes, wakeups },
    entriesBehind: Math.max(0, head - position.sequence),
    topics: [...filter.patterns],
  };
}
