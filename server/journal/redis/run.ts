/** Entries that follow each other in the log, from one call: as the stream, a message or an own call gives them. */
import type { Draft, Entry } from '../journal.js';
import type { Removed } from '../prefix-retention.js';
import type { Encoded } from './call.js';
import { readEntries } from './entry-codec.js';
import { MARK_BYTES, summed, type Use, usesOf } from './marks.js';

/** A position without its epoch. */
export interface Position {
  readonly sequence: number;
  readonly tag: number;
}

export interface Run {
  readonly first: number;
  readonly last: number;
  readonly tag: number;
  /** The tag of the call before. Runs of the same call have the same one. */
  readonly previousTag: number;
  /** The topic with a retention of its own to which the entries belong; empty if there is none. */
  readonly topic: string;
  /** The entries; undefined if a message was too short for them. */
  readonly entries: (() => readonly Entry[]) | undefined;
  /** The groups and sizes of the entries from an index on. */
  readonly uses: (from: number) => readonly Use[];
  /** The changes by the call; only the last run of a call has them. */
  readonly effects: Effects | undefined;
}

/** Ends and counts after a call. */
export interface Effects {
  readonly floor: Position;
  readonly entries: number;
  readonly bytes: number;
  readonly own: ReadonlyMap<string, Own>;
  /** The entries of each group that retention removed. */
  readonly removed: readonly (readonly [group: string, entries: number, bytes: number])[];
}

interface Own {
  readonly entries: number;
  readonly bytes: number;
  readonly removed: Removed | undefined;
}

/** The head of a run in JSON. */
interface Head {
  readonly t: number;
  readonly p: number;
  readonly c?: string;
  readonly G: readonly string[];
  readonly e?: string;
}

/** The bytes of entries, and what they count. */
interface Content {
  readonly bytes: Buffer;
  readonly marks: Buffer;
}

/** A run of the stream: its id, then the names and values of its three fields. */
export type StreamRun = readonly [
  Buffer,
  readonly [Buffer, head: Buffer, Buffer, bytes: Buffer, Buffer, marks: Buffer],
];

export function runOfStream([id, [, head, , bytes, , marks]]: StreamRun): Run {
  return runOf(id.toString('latin1'), head.toString(), { bytes, marks });
}

/** A message begins with the name of its writer, of this length. */
export const WRITER_BYTES = 16;

/**
 * The runs of a call as Redis announces them on the channel. Each begins with a line of its id, how many bytes its
 * entries have, and its head; marks and entries follow, unless a `-` stands for the bytes. Undefined if the message
 * is none of the script.
 */
export function runsOfMessage(message: Buffer): Run[] | undefined {
  const runs: Run[] = [];
  try {
    for (let at = WRITER_BYTES; at < message.length;) {
      const end = message.indexOf('\n', at);
      const [, id = '', bytes, head = ''] = LINE.exec(message.toString('utf8', at, end)) ?? [];
      const marksEnd = end + 1 + (bytes === '-' ? 0 : countOf(id) * MARK_BYTES);
      at = marksEnd + (bytes === '-' ? 0 : Number(bytes));
      const content = {
        marks: message.subarray(end + 1, marksEnd),
        bytes: message.subarray(marksEnd, at),
      };
      runs.push(runOf(id, head, bytes === '-' ? undefined : content));
    }
    return runs;
  } catch {
    return undefined;
  }
}

const LINE = /^(\d+-\d+) (\d+|-) (.*)$/s;

function countOf(id: string): number {
  return Number(id.slice(id.indexOf('-') + 1));
}

function runOf(id: string, json: string, content: Content | undefined): Run {
  const { t: tag, p: previousTag, c: topic = '', G: names, e } = JSON.parse(json) as Head;
  const last = Number(id.slice(0, id.indexOf('-')));
  const first = last - countOf(id) + 1;
  return {
    first,
    last,
    tag,
    previousTag,
    topic,
    entries: content && (() => readEntries(content.bytes, first, tag)),
    uses: (from) => (content ? usesOf(content.marks, names, from) : []),
    effects: e === undefined ? undefined : effectsOf(e),
  };
}

/** The run of a call of this process. Its drafts are at hand, so nothing is decoded. */
export function runOfCall(
  stored: readonly Encoded[],
  first: number,
  { tag, previousTag, effects }: Pick<Run, 'tag' | 'previousTag'> & { readonly effects: string },
): Run {
  const segments = stored.flatMap((one) => one.segments);
  const drafts = segments.flatMap((segment) => segment.drafts);
  return {
    first,
    last: first + drafts.length - 1,
    tag,
    previousTag,
    topic: '',
    entries: () => drafts.map((draft, index) => entryOf(draft, first + index, tag)),
    uses: (from) => {
      const groups = segments.flatMap((segment) => segment.groups).slice(from);
      return summed(groups, segments.flatMap((segment) => segment.sizes).slice(from));
    },
    effects: effectsOf(effects),
  };
}

function entryOf(draft: Draft, sequence: number, tag: number): Entry {
  const { topic, event, source, key, value } = draft;
  const plain = key === undefined;
  return plain
    ? { topic, event, source, sequence, tag }
    : { topic, event, source, key, value: value ?? null, sequence, tag };
}

type OwnJson = readonly [number, number, string, number, number];

function effectsOf(json: string): Effects {
  const { f, t, n, b, o, m } = JSON.parse(json) as {
    readonly f: string;
    readonly t: number;
    readonly n: number;
    readonly b: number;
    readonly o: Readonly<Record<string, OwnJson>>;
    readonly m: Readonly<Record<string, readonly [number, number]>>;
  };
  return {
    floor: { sequence: Number(f), tag: t },
    entries: n,
    bytes: b,
    own: new Map(Object.entries(o).map(([topic, own]) => [topic, ownOf(own)])),
    removed: Object.entries(m).map(([group, [entries, bytes]]) => [group, entries, bytes]),
  };
}

function ownOf([entries, bytes, sequence, tag, latestMs]: OwnJson): Own {
  const removed = { sequence: Number(sequence), tag, latestMs };
  return { entries, bytes, removed: removed.sequence > 0 ? removed : undefined };
}

/** The state of a network in Redis, as the hash `meta` has it. */
export interface Snapshot {
  readonly epoch: Uint8Array;
  readonly head: Position;
  readonly effects: Omit<Effects, 'removed'>;
  readonly groups: ReadonlyMap<string, { readonly entries: number; readonly bytes: number }>;
}

/** `fields` are names and values in turn. */
export function snapshotOf(fields: readonly Buffer[]): Snapshot {
  const found = new Map<string, Buffer>();
  for (let at = 0; at < fields.length; at += 2) {
    found.set(String(fields[at]), fields[at + 1] ?? Buffer.alloc(0));
  }
  const number = (name: string): number => Number(found.get(name)?.toString() ?? 0);
  const topics = JSON.parse(String(found.get('topics'))) as Record<
    string,
    {
      readonly n: number;
      readonly b: number;
      readonly r: string;
      readonly t: number;
      readonly l: number;
    }
  >;
  const own = Object.entries(topics).map(([topic, { n, b, r, t, l }]) => {
    return [topic, ownOf([n, b, r, t, l])] as const;
  });
  const groups = [...found.keys()].filter((name) => name.startsWith('e:'));
  return {
    epoch: Uint8Array.from(found.get('epoch') ?? []),
    head: { sequence: number('newest'), tag: number('tag') },
    effects: {
      floor: { sequence: number('floor'), tag: number('floorTag') },
      entries: number('entries'),
      bytes: number('bytes'),
      own: new Map(own),
    },
    groups: new Map(
      groups.map((name) => {
        const group = name.slice(2);
        return [group, { entries: number(name), bytes: number(`b:${group}`) }];
      }),
    ),
  };
}
