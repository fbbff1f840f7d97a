/** The reading of each stream of a run: its positions, its topics there, and the events that it got. */
import { matches } from '../../server/topics/topic.js';
import type { Logged } from './log.js';
import {
  groupedBy,
  type History,
  type Position,
  type StartsAt,
  type Step,
  type StreamAct,
} from './steps.js';

/** A frame that moves the position of a stream. It claims that only the events that it has lie between the two. */
export interface Advance {
  readonly step: Step;
  readonly from: Position;
  readonly to: Position;
  /** The sequences after `from`, in the order of the frame. */
  readonly got: readonly number[];
}

/** A Gap, and where the reader was. */
interface Lost {
  readonly step: Extract<Step, { kind: 'gap' }>;
  readonly from: Position;
}

export interface Reading {
  readonly client: string;
  readonly stream: number;
  readonly instance: string;
  readonly openedMs: number;
  /** When the stream ended; Infinity: it did not. */
  readonly closedMs: number;
  readonly start: StartsAt;
  readonly advances: readonly Advance[];
  readonly gaps: readonly Lost[];
  /** The last position; undefined if no Welcome came. */
  readonly end: Position | undefined;
  /** The topics that the stream reads after a sequence. */
  readonly topics: readonly { readonly after: number; readonly patterns: readonly string[] }[];
}

type OfStream = Step & StreamAct;

/** All streams of a history. */
export function readingsOf(history: History): Reading[] {
  const steps = history.filter((step): step is OfStream => 'stream' in step);
  return [...groupedBy(steps, ({ stream }) => stream).values()].flatMap(readingOf);
}

function readingOf(steps: readonly OfStream[]): Reading[] {
  const hello = steps.find((step) => step.kind === 'hello');
  if (hello?.kind !== 'hello') return [];
  const { client, stream, instance, start, atMs: openedMs } = hello;
  const closedMs = steps.find(({ kind }) => kind === 'closed')?.atMs ?? Infinity;
  const advances: Advance[] = [];
  const gaps: Lost[] = [];
  let at = typeof start === 'string' ? undefined : start;
  const reach = (step: Step, to: Position, got: readonly number[]): void => {
    // A batch may begin before the position of this reader, who skips the events that they have.
    const fresh = got.filter((sequence) => sequence > (at?.sequence ?? 0));
    if (at) advances.push({ step, from: at, to, got: fresh });
    if (!at || to.sequence >= at.sequence || to.epoch !== at.epoch) at = to;
  };
  for (const step of steps) {
    if (step.kind === 'welcome') at ??= step.at;
    else if (step.kind === 'batch') {
      const got = step.events.map(({ sequence }) => sequence);
      reach(step, step.upTo, got);
    } else if (['subscribed', 'renewed', 'snapshot'].includes(step.kind) && 'at' in step)
      reach(step, step.at, []);
    else if (step.kind === 'gap') {
      gaps.push({ step, from: at ?? step.lostAfter });
      at = step.resumesAt;
    }
  }
  const times = { openedMs, closedMs, end: at, topics: topicsOf(hello.topics, steps) };
  return [{ client, stream, instance, start, advances, gaps, ...times }];
}

/** Each answer belongs to the oldest request without one. */
function topicsOf(first: readonly string[], steps: readonly OfStream[]): Reading['topics'] {
  const asked = steps.filter((step) => step.kind === 'subscribes');
  const answers = steps.filter((step) => step.kind === 'subscribed');
  const topics = [{ after: 0, patterns: first }];
  answers.forEach(({ at }, index) => {
    const { added = [], removed = [] } = asked[index] ?? {};
    const kept = (topics.at(-1)?.patterns ?? []).filter((one) => !removed.includes(one));
    topics.push({ after: at.sequence, patterns: [...new Set([...kept, ...added])] });
  });
  return topics;
}

/** Whether a stream reads the topic at this sequence. */
export function reads({ topics }: Pick<Reading, 'topics'>, topic: string, sequence: number) {
  const { patterns = [] } = topics.findLast(({ after }) => after < sequence) ?? {};
  return patterns.some((pattern) => matchesCached(pattern, topic));
}

const known = new Map<string, boolean>();

function matchesCached(pattern: string, topic: string): boolean {
  const key = `${pattern} ${topic}`;
  let answer = known.get(key);
  if (answer === undefined) known.set(key, (answer = matches(pattern, topic)));
  return answer;
}

/** The events of the log that a stream must get between two positions. */
export function* wanted(
  log: readonly Logged[],
  reading: Reading,
  from: Position,
  to: number,
): Generator<Logged> {
  for (let index = firstAfter(log, from.sequence); index < log.length; index++) {
    const event = log[index];
    if (!event || event.sequence > to) return;
    if (event.epoch === from.epoch && reads(reading, event.topic, event.sequence)) yield event;
  }
}

/** The index of the first event after a sequence. */
function firstAfter(log: readonly Logged[], sequence: number): number {
  let [low, high] = [0, log.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((log[middle]?.sequence ?? 0) > sequence) high = middle;
    else low = middle + 1;
  }
  return low;
}
