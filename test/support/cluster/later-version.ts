/**
 * Lets a coordinator of a test write as one of a later version does: each row, each event and each message to others has a
 * field that no coordinator knows.
 */
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import type { Draft, Transaction } from '../../../server/journal/journal.js';
import type { Coordinator } from './test-cluster.js';

const FIELD = 900;
const CONTENT = 'of a later version';
/** The body of a message between coordinators has a field with a higher number. */
const LAST_HEAD_FIELD = 3;

export function becomeLater({ view, bus }: Coordinator): void {
  const append = view.append.bind(view);
  view.append = (transactions) => append(transactions.map(laterTransaction));
  const send = bus.send.bind(bus);
  bus.send = (to, bytes) => send(to, laterMessage(bytes));
  const broadcast = bus.broadcast.bind(bus);
  bus.broadcast = (bytes) => broadcast(laterMessage(bytes));
}

/** Whether a coordinator of the later version wrote this. */
export function isLater(bytes: Uint8Array | null | undefined): boolean {
  return Buffer.from(bytes ?? []).includes(CONTENT);
}

function laterTransaction({ entries, ...transaction }: Transaction): Transaction {
  return { ...transaction, entries: entries.map(laterDraft) };
}

function laterDraft({ event, value, ...draft }: Draft): Draft {
  return {
    ...draft,
    event: event.length > 0 ? withField(event) : event,
    ...(value !== undefined && { value: value && withField(value) }),
  };
}

function withField(message: Uint8Array): Uint8Array {
  const field = new BinaryWriter().tag(FIELD, WireType.LengthDelimited).string(CONTENT).finish();
  return Buffer.concat([message, field]);
}

/** The message and its body have the field. */
function laterMessage(message: Uint8Array): Uint8Array {
  const reader = new BinaryReader(message);
  const writer = new BinaryWriter();
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    writer.tag(field, type);
    if (field > LAST_HEAD_FIELD) writer.bytes(withField(reader.bytes()));
    else if (type === WireType.LengthDelimited) writer.bytes(reader.bytes());
    else writer.uint64(reader.uint64());
  }
  return withField(writer.finish());
}
