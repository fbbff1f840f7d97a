/** Following topics from a shell, also over a restart of the coordinator. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cursor } from '../../../gen/ts/kelpie/v1/cursor.js';
import type { WatchEventsResponse } from '../../../gen/ts/kelpie/v1/event_service.js';
import { Gap, GapReason } from '../../../gen/ts/kelpie/v1/stream.js';
import type { Api, StartOption } from '../../api/index.js';
import { backoffMs } from '../../core/backoff.js';
import { fromThrown } from '../../errors.js';
import { nameOf, print, warn } from '../output/output.js';
import { type Format, printRecord } from '../output/records.js';

const LONGEST_BACKOFF_MS = 5000;

/** A frame that the coordinator sends to a reader that follows. */
export type WatchFrame = NonNullable<WatchEventsResponse['frame']>;

/**
 * Follows until the process ends; where an endpoint is lost, at the next one. Throws an error that no later
 * attempt can mend.
 */
export async function follow(
  api: Api,
  topics: string[],
  from: StartOption,
  show: (frame: WatchFrame) => void,
): Promise<never> {
  let current = api;
  let start = from;
  for (let attempt = 1; ; attempt++) {
    try {
      if (attempt > 1) current = await current.reachNext();
      for await (const { frame } of current.messages.events.watch(topics, { start })) {
        if (!frame) continue;
        attempt = 1;
        show(frame);
        start = nextStart(frame) ?? start;
      }
    } catch (thrown) {
      tryAgain(thrown, current);
    }
    await sleep(100 + backoffMs(attempt, LONGEST_BACKOFF_MS, Math.random));
  }
}

/** Reports the error. Throws it where another attempt would be in vain. */
export function tryAgain(thrown: unknown, api: Api): void {
  const error = fromThrown(thrown);
  if (error.permanent || error.reason === 'NOT_A_COORDINATOR') {
    api.close();
    throw error;
  }
  warn(`${error.message}; trying again`);
}

function nextStart(frame: WatchFrame): StartOption | undefined {
  // Only of some topics: all other events of the range come.
  if (frame.$case === 'gap' && frame.value.topics.length > 0) return undefined;
  if (frame.$case === 'gap') return after(frame.value.resumesAt);
  return frame.$case === 'eventBatch' ? after(frame.value.upTo) : undefined;
}

/** After a cursor that the coordinator has given. */
export function after(cursor: Cursor | undefined): StartOption {
  return cursor ? { after: cursor } : 'LATEST';
}

export function showGap(gap: Gap, output: Format): void {
  if (output !== 'table') printRecord(output, 'Gap', Gap.toJSON(gap));
  else if (gap.topics.length === 0) {
    print(`--- events were lost here: ${nameOf(GapReason, gap.reason)}`);
  } else {
    print(
      `--- older events of ${gap.topics.join(' and ')} are not kept any more: some are missing`,
    );
  }
}
