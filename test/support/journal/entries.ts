/** Makes entries of a journal for tests, and shows entries in a form that tests can compare. */
import { Event } from '../../../gen/ts/kelpie/v1/event.js';
import type { Cursor } from '../../../server/core/cursor.js';
import type { Draft, Entry, Page, TableRow } from '../../../server/journal/journal.js';
import { messageEvent } from '../wire/messages.js';

/** An entry without a row. Its event is plain text, because engines do not decode events. */
export function note(text: string, topic = 'chat.global'): Draft {
  return { topic, event: Buffer.from(text), source: '' };
}

/** An entry that sets a row, or deletes it. */
export function write(key: string, value: string | null): Draft {
  const bytes = value === null ? null : Buffer.from(value);
  return { ...note(`${key} = ${value ?? 'nothing'}`, key.replaceAll('/', '.')), key, value: bytes };
}

/** A stored entry whose event is a message with that text. */
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

/** The texts of the entries of a page. */
export function textsOf({ entries }: Pick<Page, 'entries'>): string[] {
  return entries.map(({ event }) => textOf(event));
}

/** Rows by their keys. If a row came more than once, the newest sequence counts. */
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
