/** The journal of a run, as all its readers together saw it. */
import { type History, ofKind, type Position, type Seen, type Step } from './steps.js';

/** An event of the log. */
export interface Logged extends Seen {
  readonly epoch: string;
  /** When the first reader got it. */
  readonly atMs: number;
}

/** All events that any reader got, in the order of the journal, each once: the first sight of a sequence counts. */
export function logOf(history: History): readonly Logged[] {
  const known = logs.get(history);
  // A run may go on after it was judged.
  if (known?.steps === history.length) return known.log;
  const bySequence = new Map<number, Logged>();
  for (const { upTo, events, atMs } of ofKind(history, 'batch')) {
    for (const event of events)
      if (!bySequence.has(event.sequence))
        bySequence.set(event.sequence, { ...event, epoch: upTo.epoch, atMs });
  }
  const log = [...bySequence.values()].sort((one, other) => one.sequence - other.sequence);
  logs.set(history, { steps: history.length, log });
  return log;
}

/** All positions that coordinators handed out, with their steps. */
export function positionsOf(history: History): { step: Step; position: Position }[] {
  const claims = new Set(
    ofKind(history, 'hello').flatMap(({ stream, start }) =>
      typeof start === 'string' ? [] : [stream],
    ),
  );
  return history.flatMap((step) => {
    const position = positionIn(step, claims);
    return position ? [{ step, position }] : [];
  });
}

function positionIn(step: Step, claims: ReadonlySet<number>): Position | undefined {
  switch (step.kind) {
    case 'batch':
      return step.upTo;
    case 'gap':
      return step.resumesAt;
    case 'welcome':
      // A Welcome repeats the position that the client claims.
      return claims.has(step.stream) ? undefined : step.at;
    case 'renewed':
    case 'snapshot':
    case 'subscribed':
      return step.at;
    default:
      return undefined;
  }
}

/** The log of a history, as of so many steps. */
const logs = new WeakMap<History, { readonly steps: number; readonly log: readonly Logged[] }>();
