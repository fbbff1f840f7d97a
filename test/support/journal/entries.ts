/** Entries of a journal: made for tests, and shown so that they can be compared. */
import { Event } from '../../../gen/ts/kelpie/v1/event.js';
import type { Cursor } from '../../../server/core/cursor.js';
import type { Draft, Entry, Page, TableRow } from '../../../server/journal/journal.js';
import { messageEvent } from '../wire/messages.js';

/** An entry that only says something. What an engine stores it does not look into. */
export function note(text: string, topic = 'chat.global'): Draft {
  return { topic, event: Buffer.from(text), source: '' };
}

/** An entry that sets a row, or deletes it. */
export function write(key: string, value: string | null): Draft {
  const bytes = value === null ? null : Buffer.from(value);
  return { ...note(`${key} = ${value ?? 'nothing'}`, key.replaceAll('/', '.')), key, value: bytes };
}

/** A stored entry whose event is that message. */
export function messageEntry(sequence: number, tag: number, topic: string, text: string): Entry {
  const event = Event.encode(messageEvent(text, topic)).finish();
  return { sequence, tag, topic, event, source: 'lobby-1' };
}

/** The position of an entry. */
export function positionOf(epoch: Uint8Array, { sequence, tag }: Entry): Cursor {
  return { epoch, sequence, tag };
}

/** An entry with its bytes as text: engines may differ in the classes of their bytes. */
export function shown({ sequence, topic, event, source, key, value }: Entry) {
  const row = key === undefined ? undefined : { key, value: value ? textOf(value) : null };
  return { sequence, topic, event: textOf(event), source, row };
}

/** What the entries of a page say. */
export function textsOf({ entries }: Pick<Page, 'entries'>): string[] {
  return entries.map(({ event }) => textOf(event));
}

/** Rows by their keys. What came more than once counts by its newest sequence. */
export async function tableOf(
  rows: AsyncIterable<TableRow>,
): Promise<Map<string, { value: string; sequence: number }>> {
  const table = new Map<string, { value: string; sequence: number }>();
  for await (const { key, value, sequence } of rows) {
    if (sequence >= (table.get(key)?.sequence ?? 0))
      table.set(key, { value: textOf(value), sequence });
  }
  return table;
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString();
}
