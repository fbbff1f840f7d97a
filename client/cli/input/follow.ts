/** Following topics from a shell, also over a restart of the coordinator. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cursor, Start } from '../../../gen/ts/kelpie/v1/cursor.js';
import type { WatchEventsResponse } from '../../../gen/ts/kelpie/v1/event_service.js';
import { Gap, GapReason } from '../../../gen/ts/kelpie/v1/stream.js';
import { type Api, reachNext } from './calls.js';
import { backoffMs } from '../../core/backoff.js';
import { fromThrown } from '../../errors.js';
import { startOf } from '../../core/start.js';
import { nameOf, print, printJson, warn } from '../output/output.js';

const LONGEST_BACKOFF_MS = 5000;

/** What the coordinator sends to somebody who follows. */
export type WatchFrame = NonNullable<WatchEventsResponse['frame']>;

/**
 * Follows until the process ends, at the next endpoint where one is lost. Throws what no later attempt can mend.
 */
export async function follow(
  api: Api,
  topics: string[],
  from: Start,
  show: (frame: WatchFrame) => void,
): Promise<never> {
  let current = api;
  let start = from;
  for (let attempt = 1; ; attempt++) {
    try {
      if (attempt > 1) current = await reachNext(current);
      for await (const { frame } of current.events.watchEvents({ topics, start })) {
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

/** Says so, unless that is in vain: then throws. */
export function tryAgain(thrown: unknown, api: Api): void {
  const error = fromThrown(thrown);
  if (error.permanent || error.reason === 'NOT_A_COORDINATOR') {
    api.close();
    throw error;
  }
  warn(`${error.message}; trying again`);
}

function nextStart(frame: WatchFrame): Start | undefined {
  // Of some topics alone: all else that lies there comes.
  if (frame.$case === 'gap' && frame.value.topics.length > 0) return undefined;
  if (frame.$case === 'gap') return after(frame.value.resumesAt);
  return frame.$case === 'eventBatch' ? after(frame.value.upTo) : undefined;
}

/** After a cursor that the coordinator has given. */
export function after(cursor: Cursor | undefined): Start {
  return cursor ? startOf({ after: cursor }) : startOf('LATEST');
}

export function showGap(gap: Gap, json: boolean): void {
  if (json) printJson({ gap: Gap.toJSON(gap) });
  else if (gap.topics.length === 0) {
    print(`--- events were lost here: ${nameOf(GapReason, gap.reason)}`);
  } else {
    print(
      `--- older events of ${gap.topics.join(' and ')} are not kept any more: some are missing`,
    );
  }
}
