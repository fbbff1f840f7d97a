/**
 * One order for everybody. All readers see the same event at a sequence and the same tag at a position. A reader gets
 * events in the order of the journal, and the events of one publisher in the order in which it published them.
 */
import { logOf, positionsOf } from '../log.js';
import { type History, ofKind, type Seen } from '../steps.js';

export function totalOrder(history: History): string[] {
  return [
    ...differences(history),
    ...tags(history),
    ...batches(history),
    ...handlers(history),
    ...publishers(history),
  ];
}

/** Two readers never see different events at one sequence. */
function differences(history: History): string[] {
  const faults: string[] = [];
  const first = new Map(logOf(history).map((event) => [event.sequence, event]));
  for (const { client, upTo, events } of ofKind(history, 'batch')) {
    for (const event of events) {
      const other = first.get(event.sequence);
      if (!other || (same(event, other) && other.epoch === upTo.epoch)) continue;
      faults.push(`${client} got ${shown(event)} where another reader got ${shown(other)}`);
    }
  }
  return faults;
}

function same(one: Seen, other: Seen): boolean {
  return one.topic === other.topic && one.kind === other.kind && one.id === other.id;
}

function shown({ sequence, topic, kind, id }: Seen): string {
  return `${id ?? kind} on ${topic} at ${sequence}`;
}

function tags(history: History): string[] {
  const seen = new Map<string, number>();
  const faults: string[] = [];
  for (const { step, position } of positionsOf(history)) {
    const at = `${position.epoch} ${position.sequence}`;
    const other = seen.get(at);
    if (other !== undefined && other !== position.tag)
      faults.push(`${step.client} got the tag ${position.tag} at ${at}, another reader ${other}`);
    seen.set(at, position.tag);
  }
  return faults;
}

function batches(history: History): string[] {
  const faults: string[] = [];
  for (const { client, after, upTo, events } of ofKind(history, 'batch')) {
    let last = after;
    for (const { sequence } of events) {
      if (sequence <= last) faults.push(`${client} got ${sequence} after ${last} in one batch`);
      last = sequence;
    }
    if (last > upTo.sequence)
      faults.push(`${client} got ${last} in a batch up to ${upTo.sequence}`);
  }
  return faults;
}

/**
 * The SDK repeats no event to a handler, except after it has connected again. While it moves, the stream that it leaves may
 * bring it further than the Gap of its new stream.
 */
function handlers(history: History): string[] {
  const last = new Map<string, number>();
  const faults: string[] = [];
  for (const step of history) {
    if (step.kind === 'hello' || step.kind === 'gap')
      for (const key of last.keys()) if (key.startsWith(`${step.client} `)) last.delete(key);
    if (step.kind !== 'handled') continue;
    const key = `${step.client} ${step.pattern}`;
    const before = last.get(key) ?? 0;
    if (step.sequence <= before)
      faults.push(`the handler of ${key} got ${step.sequence} after ${before}`);
    last.set(key, step.sequence);
  }
  return faults;
}

/** In the log, one publisher's events are in the order of its calls. */
function publishers(history: History): string[] {
  const turn = new Map<string, number>();
  ofKind(history, 'publish').forEach(({ id }, index) => turn.set(id, index));
  const last = new Map<string, { turn: number; id: string }>();
  const faults: string[] = [];
  for (const { id = '', source, epoch } of logOf(history)) {
    const mine = turn.get(id);
    if (mine === undefined) continue;
    const before = last.get(`${source} ${epoch}`);
    if (before && before.turn > mine) faults.push(`${id} is in the journal after ${before.id}`);
    last.set(`${source} ${epoch}`, { turn: mine, id });
  }
  return faults;
}
