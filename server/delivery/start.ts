/** Where readers start, and whether they may. */
import type { Start } from '../../gen/ts/kelpie/v1/cursor.js';
import { StartAt } from '../../gen/ts/kelpie/v1/cursor.js';
import type { Cursor } from '../core/cursor.js';
import { ID_BYTES } from '../core/cursor.js';
import { msOf, type WireDuration } from '../core/duration.js';
import { KelpieError, outOfRange } from '../core/errors.js';
import { checkPattern } from '../topics/topic.js';
import { checkPatternCount, type OwnTopics, TopicFilter } from '../topics/filter.js';
import type { Network } from '../network/network.js';

/** A reader's first position. */
export interface ReadingStart {
  readonly position: Cursor;
  /** A client claims the position: the journal must check it before a read from there. */
  readonly claimed: boolean;
  /** Resources come first. */
  readonly snapshot: boolean;
}

/** The filter of a reader. Throws TOPIC_INVALID, TOPIC_RESERVED or PATTERN_LIMIT. */
export function filterOf(
  patterns: readonly string[],
  limit: number,
  own: OwnTopics = {},
): TopicFilter {
  // Before anything is done with them.
  checkPatternCount(patterns.length, limit);
  for (const pattern of patterns) checkPattern(pattern);
  return new TopicFilter(patterns, own);
}

/**
 * Where to start. A cursor of another coordinator may be ahead of this one, which then reads up to it first. Throws
 * START_MISSING, START_INVALID, CURSOR_INVALID, OUT_OF_RANGE or ENGINE_UNAVAILABLE.
 */
export async function startOf(
  network: Pick<Network, 'journal' | 'head' | 'knows'>,
  start: Start | undefined,
): Promise<ReadingStart> {
  const { journal, head } = network;
  const at = start?.place;
  if (!at) throw startMissing();
  if (at.$case === 'after') {
    const { epoch, sequence, tag } = at.value;
    if (epoch.length !== ID_BYTES) {
      throw new KelpieError(
        'CURSOR_INVALID',
        `the cursor's epoch has ${epoch.length} bytes, not ${ID_BYTES}; hand cursors back as they came`,
      );
    }
    await network.knows({ epoch, sequence, tag });
    return { position: { epoch, sequence, tag }, claimed: true, snapshot: false };
  }
  if (at.$case === 'since') {
    return { position: await journal.since(ageOf(at.value)), claimed: false, snapshot: false };
  }
  const { value: named } = at;
  switch (named) {
    case StartAt.EARLIEST:
      return { position: journal.oldest, claimed: false, snapshot: false };
    case StartAt.LATEST:
      return { position: head, claimed: false, snapshot: false };
    case StartAt.SNAPSHOT:
      return { position: head, claimed: false, snapshot: true };
    case StartAt.UNSPECIFIED:
      throw startMissing();
    default:
      throw unknownStart(named);
  }
}

/** The name of a place to start; a newer client may send a place that this coordinator does not know. */
function startName(start: number): string {
  return Object.entries(StartAt).find(([, number]) => number === start)?.[0] ?? String(start);
}

function unknownStart(at: StartAt): KelpieError {
  const start = startName(at);
  const message = `this coordinator does not know the start ${start}; start at SNAPSHOT, EARLIEST or LATEST`;
  return new KelpieError('START_INVALID', message, { start });
}

/** The error for a reader that does not say where it starts. */
function startMissing(): KelpieError {
  return new KelpieError(
    'START_MISSING',
    'say where reading starts: after a cursor, at SNAPSHOT, EARLIEST or LATEST, or since a duration',
  );
}

function ageOf(since: WireDuration): number {
  const ms = msOf(since);
  if (ms >= 0 && Number.isSafeInteger(Math.floor(ms))) return ms;
  throw outOfRange('start.since', 0, 'start.since is negative or too long');
}

/** A session has one position, so a topic cannot be added with a past of its own. */
export function checkLiveStart(start: StartAt): void {
  if (start === StartAt.UNSPECIFIED) throw startMissing();
  if (start === StartAt.SNAPSHOT || start === StartAt.LATEST) return;
  throw new KelpieError(
    'START_INVALID',
    'a topic that is added starts at SNAPSHOT or LATEST; read older events by a call',
    { start: startName(start) },
  );
}
