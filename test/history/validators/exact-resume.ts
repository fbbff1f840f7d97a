/**
 * At least once, with exact resume. An acknowledged event is in the journal, or a Gap signals its loss to every reader of
 * its topic. A client that comes back goes on where it was, and its handlers get every event that its topics match. A
 * cursor that no coordinator handed out is answered with a Gap.
 */
import { matches } from '../../../server/topics/topic.js';
import { logOf, positionsOf } from '../log.js';
import { type Reading, readingsOf, reads, wanted } from '../reading.js';
import { type History, ofKind, type Position } from '../steps.js';

/** How long an event may be under way. */
const WAY_MS = 5000;

export function exactResume(history: History): string[] {
  const readings = readingsOf(history);
  return [
    ...acknowledged(history, readings),
    ...returns(readings),
    ...forged(history, readings),
    ...outstanding(history, readings),
    ...handlers(history, readings),
  ];
}

function acknowledged(history: History, readings: readonly Reading[]): string[] {
  const stored = new Set(logOf(history).map(({ id }) => id));
  const calls = new Map(ofKind(history, 'publish').map((step) => [step.id, step]));
  const gone = new Set(
    [...ofKind(history, 'leaves'), ...ofKind(history, 'vanishes')].map(({ client }) => client),
  );
  const staying = readings.filter(({ client }) => !gone.has(client));
  const faults: string[] = [];
  for (const { id, outcome } of ofKind(history, 'published')) {
    const call = calls.get(id);
    if (outcome !== 'stored' || stored.has(id) || !call) continue;
    const unaware = readersOf(staying, call.topic, call.atMs).filter((client) =>
      staying.every((one) => one.client !== client || !hasGapAfter(one, call.atMs)),
    );
    if (unaware.length > 0)
      faults.push(`${id} was acknowledged and is gone, without a Gap to ${unaware.join()}`);
  }
  return faults;
}

/** The clients with a stream that reads the topic at this moment. */
function readersOf(readings: readonly Reading[], topic: string, atMs: number): string[] {
  return readings
    .filter(({ openedMs, closedMs }) => openedMs < atMs && closedMs > atMs)
    .filter((reading) => reads(reading, topic, Infinity))
    .map(({ client }) => client);
}

function hasGapAfter({ gaps }: Reading, atMs: number): boolean {
  return gaps.some(({ step }) => step.atMs > atMs);
}

/** No stream of a process starts after the position that the process had. */
function returns(readings: readonly Reading[]): string[] {
  const reached = new Map<string, Position>();
  const faults: string[] = [];
  for (const { client, instance, start, end } of readings) {
    const before = reached.get(instance);
    if (before && typeof start !== 'string' && isAfter(start, before))
      faults.push(`${client} comes back at ${start.sequence}, and was only at ${before.sequence}`);
    if (end) reached.set(instance, end);
  }
  return faults;
}

function isAfter(one: Position, other: Position): boolean {
  return one.epoch === other.epoch && one.sequence > other.sequence;
}

function forged(history: History, readings: readonly Reading[]): string[] {
  const real = new Set(positionsOf(history).map(({ position }) => keyOf(position)));
  return readings.flatMap(({ client, start, advances: [first], gaps: [gap] }) => {
    if (typeof start === 'string' || real.has(keyOf(start)) || !first) return [];
    if (gap && gap.step.atMs <= first.step.atMs) return [];
    return [
      `${client} started after ${keyOf(start)}, which no coordinator handed out, without a Gap`,
    ];
  });
}

function keyOf({ epoch, sequence, tag }: Position): string {
  return `${epoch} ${sequence} ${tag}`;
}

/** At rest no event waits for a reader. */
function outstanding(history: History, readings: readonly Reading[]): string[] {
  const restMs = ofKind(history, 'rest').at(-1)?.atMs;
  if (restMs === undefined) return [];
  const log = logOf(history);
  return readings.flatMap((reading) => {
    const { client, end, openedMs, closedMs } = reading;
    if (!end || openedMs > restMs || closedMs < restMs) return [];
    const [missing] = wanted(log, reading, end, Infinity);
    // An event that came just before the rest, or after it, may still be under way.
    if (!missing || missing.atMs > restMs - WAY_MS) return [];
    return [
      `${client} rests at ${end.sequence} and never got ${missing.sequence} on ${missing.topic}`,
    ];
  });
}

/** Every message that a stream of the SDK got went to the handlers of its patterns, unless the program removed them. */
function handlers(history: History, readings: readonly Reading[]): string[] {
  const handled = new Set<string>();
  const patterns = new Map<string, Set<string>>();
  for (const { client, pattern, sequence } of ofKind(history, 'handled')) {
    handled.add(`${client} ${pattern} ${sequence}`);
    patterns.set(client, (patterns.get(client) ?? new Set()).add(pattern));
  }
  for (const { client, pattern } of ofKind(history, 'unsubscribes'))
    patterns.get(client)?.delete(pattern);
  const messages = new Map(
    logOf(history)
      .filter(({ kind }) => kind === 'messagePublished')
      .map((event) => [event.sequence, event]),
  );
  return readings.flatMap(({ client, advances }) =>
    [...(patterns.get(client) ?? [])].flatMap((pattern) =>
      advances
        .flatMap(({ got }) => got)
        .filter((sequence) => matches(pattern, messages.get(sequence)?.topic ?? ''))
        .filter((sequence) => !handled.has(`${client} ${pattern} ${sequence}`))
        .map((sequence) => `the handler of ${client} for ${pattern} never got ${sequence}`),
    ),
  );
}
