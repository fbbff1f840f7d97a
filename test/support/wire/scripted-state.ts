/** Shared values that a scripted coordinator sends. */
import { Event, StateEndReason, StateValue } from '../../../gen/ts/kelpie/v1/event.js';
import { EventBatch, Gap, GapReason, Snapshot } from '../../../gen/ts/kelpie/v1/stream.js';
import { cursorAt, type ScriptedStream } from './scripted.js';

export type Content = Readonly<Record<string, unknown>>;

/** A value: its key, its sequence and its content. */
export type Row = readonly [key: string, sequence: number, content?: Content | undefined];

const place = (key: string) => ({ bucket: 'maps', key });

export function stored([key, sequence, json = { at: sequence }]: Row): StateValue {
  const content = { form: { $case: 'json', value: json } } as const;
  return StateValue.create({ ...place(key), content, sequence });
}

/** A part of a Snapshot. `begins`: its position and its topics. */
export function part(
  stream: ScriptedStream,
  rows: readonly Row[],
  { begins, complete = true }: { begins?: readonly [number, string]; complete?: boolean },
): Promise<void> {
  const value = Snapshot.create({
    cursor: begins && cursorAt(begins[0]),
    topics: begins ? [begins[1]] : [],
    rows: rows.map((row) => ({
      sequence: row[1],
      resource: { $case: 'state', value: stored(row) },
    })),
    complete,
  });
  return stream.send({ $case: 'snapshot', value });
}

function batch(stream: ScriptedStream, sequence: number, body: Event['body']): Promise<void> {
  const events = [Event.create({ sequence, topic: 'state', body })];
  const value = EventBatch.create({ afterSequence: 0, upTo: cursorAt(sequence), events });
  return stream.send({ $case: 'eventBatch', value });
}

export function change(stream: ScriptedStream, row: Row): Promise<void> {
  return batch(stream, row[1], { $case: 'stateChanged', value: { value: stored(row) } });
}

export function end(
  stream: ScriptedStream,
  key: string,
  sequence: number,
  reason: StateEndReason = StateEndReason.DELETED,
): Promise<void> {
  const value = { value: StateValue.create(place(key)), reason };
  return batch(stream, sequence, { $case: 'stateDeleted', value });
}

export function gap(stream: ScriptedStream, reason: GapReason, resumesAt: number): Promise<void> {
  const value = Gap.create({ reason, resumesAt: cursorAt(resumesAt) });
  return stream.send({ $case: 'gap', value });
}
