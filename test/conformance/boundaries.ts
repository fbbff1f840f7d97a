/** A journal that the coordinator delivers on one stream after the other: the first one is cut after some frames. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Json } from './contract.js';
import type { Stream } from './coordinator.js';
import { shown } from './match.js';

/** The position before the first event. */
const BEGINNING = 3;

/** A stream, and its Hello. */
interface Opened {
  readonly stream: Stream;
  readonly hello: Json;
}

/** Accepts the next stream, and receives its Hello. */
type Accept = () => Promise<Opened>;

/** Batches of sequences, and the number of frames before the cut, Welcome among them. */
export interface Delivery {
  readonly batches: readonly (readonly number[])[];
  readonly cut: number;
}

/**
 * Delivers the whole journal: on the first stream the frames before the cut, on the next one all that its Hello asks for.
 * Throws if the Hello names a place that the node cannot have.
 */
export async function deliver(accept: Accept, frames: Frames, { batches, cut }: Delivery) {
  const first = await accept();
  const all = framesFrom(first.hello, frames, batches);
  for (const frame of all.slice(0, cut)) await first.stream.send([frame]);
  // The node must have the frames: a cut connection may lose what is on its way.
  await delay(30);
  first.stream.cut();
  const second = await accept();
  // Welcome, and the two parts of the Snapshot for a node that asks for it.
  const isLoaded = cut >= (asksSnapshot(first.hello) ? 3 : 1);
  const { at, after } = (second.hello['start'] ?? {}) as { at?: string; after?: Json };
  if (isLoaded !== (after !== undefined))
    throw new Error(`after ${cut} frames the node starts at ${shown(at ?? after)}`);
  for (const frame of framesFrom(second.hello, frames, batches)) await second.stream.send([frame]);
}

/** The frames that need more than sequences. */
export interface Frames {
  welcome(hello: Json, cursor: unknown): Json;
  batch(sequences: readonly number[], after: number): Json;
}

function asksSnapshot(hello: Json): boolean {
  return (hello['start'] as { at?: string } | undefined)?.at === 'START_AT_SNAPSHOT';
}

function framesFrom(hello: Json, frames: Frames, batches: Delivery['batches']): Json[] {
  const { after } = (hello['start'] ?? {}) as { after?: Json };
  const position = after === undefined ? BEGINNING : Number(after['sequence']);
  const [cursor, topics] = [BEGINNING, hello['topics']];
  const parts = [
    { snapshot: { cursor, topics, rows: [] } },
    { snapshot: { rows: [], complete: true } },
  ];
  let before = BEGINNING;
  const later: Json[] = [];
  for (const sequences of batches) {
    const last = sequences.at(-1) ?? before;
    if (last > position) later.push(frames.batch(sequences, before));
    before = last;
  }
  return [frames.welcome(hello, after ?? cursor), ...(asksSnapshot(hello) ? parts : []), ...later];
}
