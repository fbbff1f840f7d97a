/** The stored records that a start needs besides the table: the ends of the log, and the usage of topics. */
import { ID_BYTES } from '../../core/cursor.js';
import { lastHole, type OwnState, readOwn } from './own.js';
import { Damage, decodeEntry, seal, unseal } from './record.js';
import { type Change, chunks, type Store } from './store.js';
import type { Used } from '../topic-groups.js';

/** A position without its epoch. */
export interface Position {
  readonly sequence: number;
  readonly tag: number;
}

export interface State {
  readonly epoch: Uint8Array;
  /** The newest entry that was ever stored. */
  readonly newest: Position;
  /** The position before the oldest entry. */
  readonly floor: Position;
  readonly entries: number;
  readonly bytes: number;
  /** The latest time at which an entry was stored, by the calendar clock. */
  readonly latestMs: number;
  /** How long the journal has been open, over all its openings, in milliseconds. */
  readonly lifeMs: number;
  /** Topics that have, or had, a retention of their own. */
  readonly own: readonly OwnState[];
}

const STATE = Buffer.from('state');
const TOPICS = 'topics/';

export function stateChange(state: State): Change {
  const { newest, floor, entries, bytes, latestMs, lifeMs } = state;
  const ends = [newest.sequence, newest.tag, floor.sequence, floor.tag];
  const numbers = [...ends, entries, bytes, latestMs, lifeMs];
  const body = Buffer.alloc(ID_BYTES + numbers.length * 8);
  body.set(state.epoch);
  numbers.forEach((number, index) => body.writeDoubleLE(number, ID_BYTES + index * 8));
  return { space: 'meta', key: STATE, value: seal(STATE, body) };
}

/** Undefined if no state was ever stored. */
export function readState(store: Store): State | undefined {
  const record = store.get('meta', STATE);
  if (!record) return undefined;
  const body = unseal('the record of the ends of the log', STATE, record);
  const number = (index: number): number => body.readDoubleLE(ID_BYTES + index * 8);
  return {
    epoch: Uint8Array.from(body.subarray(0, ID_BYTES)),
    newest: { sequence: number(0), tag: number(1) },
    floor: { sequence: number(2), tag: number(3) },
    entries: number(4),
    bytes: number(5),
    latestMs: number(6),
    lifeMs: number(7),
    own: readOwn(store),
  };
}

export function groupChange(group: string, { entries, bytes }: Used): Change {
  const key = Buffer.from(TOPICS + group);
  const body = Buffer.allocUnsafe(16);
  body.writeDoubleLE(entries, 0);
  body.writeDoubleLE(bytes, 8);
  return { space: 'meta', key, value: entries === 0 ? null : seal(key, body) };
}

export function readGroups(store: Store): Map<string, Used> {
  const groups = new Map<string, Used>();
  for (const chunk of chunks(store, 'meta', TOPICS)) {
    for (const { key, value } of chunk) {
      const group = Buffer.from(key).toString().slice(TOPICS.length);
      const body = unseal(`the count of ${group}`, key, value);
      groups.set(group, { entries: body.readDoubleLE(0), bytes: body.readDoubleLE(8) });
    }
  }
  return groups;
}

/**
 * Throws Damage if the ends of the log differ from the state, except for entries that were removed early, or if the
 * entries at the ends are damaged.
 */
export function checkEnds(store: Store, state: State): void {
  const { newest, floor, entries } = state;
  const hole = Math.max(floor.sequence, lastHole(state));
  const first = store.range('log', floor.sequence, undefined, 1);
  const last = store.range('log', newest.sequence, undefined, 2);
  const holes = newest.sequence - floor.sequence - entries;
  const counted = holes >= 0 && holes <= hole - floor.sequence;
  const begins = first.every(({ key }) => key > floor.sequence && key <= hole + 1);
  const keys = last.map(({ key }) => key).join();
  const ends = last.length === 0 ? newest.sequence <= hole : keys === `${newest.sequence}`;
  if (!counted || !begins || !ends || first.length !== Math.min(1, entries)) {
    throw new Damage('an end of the log, or the record of the ends,');
  }
  for (const { key, value } of [...first, ...last]) decodeEntry(key, value);
}
