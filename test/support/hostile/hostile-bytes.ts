/**
 * Hostile encodings of a field, as bytes. No encoder writes most of them, so this file writes them by hand. A peer
 * may send each of them for any field.
 */
import { type DescField, ScalarType } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { messageField } from '../wire/descriptors.js';
import { hostileNumbers, hostileStrings } from './hostile.js';

const KIB = 1024;
const NOTHING = new Uint8Array();

/** By description: functions that make the bytes of the field with its tag. Some of the bytes are large. */
export type Hostile = Readonly<Record<string, () => Uint8Array>>;

/** The hostile encodings of one field. */
export function hostileFields(field: DescField): Hostile {
  return { ...kinds(field), ...nonsense(field.number) };
}

function kinds(field: DescField): Hostile {
  switch (field.fieldKind) {
    case 'map':
      return maps(field);
    case 'list':
      return { ...single(field), ...lists(field) };
    case 'scalar':
    case 'enum':
    case 'message':
      return single(field);
  }
}

function single(field: DescField): Hostile {
  const { number } = field;
  if (field.message) return field.message.typeName.startsWith('google.') ? wellKnown(field) : {};
  if (field.enum) return varints(number);
  switch (field.scalar) {
    case ScalarType.STRING:
      return texts(number);
    case ScalarType.BYTES:
      return blobs(number);
    case ScalarType.DOUBLE:
      return doubles(number);
    case ScalarType.FIXED32:
      return fixed(number);
    default:
      return varints(number);
  }
}

function fields(
  number: number,
  type: WireType,
  values: Record<string, (writer: BinaryWriter) => BinaryWriter>,
): Hostile {
  return Object.fromEntries(
    Object.entries(values).map(([name, write]) => [
      name,
      () => write(new BinaryWriter().tag(number, type)).finish(),
    ]),
  );
}

const encoded = new Map(
  Object.entries(hostileStrings).map(([name, text]) => [name, Buffer.from(text)]),
);

function texts(number: number): Hostile {
  const broken = {
    'half a character': Buffer.from([0x61, 0xe2, 0x82]),
    'a surrogate in UTF-8': Buffer.from([0xed, 0xa0, 0xbd]),
    'no UTF-8': Buffer.from([0xff, 0xfe, 0x80]),
    overlong: Buffer.from([0xc0, 0xaf]),
  };
  const all = [...encoded, ...Object.entries(broken)];
  return Object.fromEntries(all.map(([name, bytes]) => [name, () => messageField(number, bytes)]));
}

function blobs(number: number): Hostile {
  const sizes = [0, 1, 15, 16, 17, 64 * KIB, 300 * KIB];
  return Object.fromEntries(
    sizes.map((size) => [
      `${size} bytes`,
      () => messageField(number, new Uint8Array(size).fill(0xff)),
    ]),
  );
}

const wholeNumbers = hostileNumbers
  .filter((text) => /^-?\d+$/.test(text))
  .map((text) => BigInt.asUintN(64, BigInt(text)));

function varints(number: number): Hostile {
  const values = [...wholeNumbers, 2n ** 31n - 1n, 2n ** 63n - 1n, 2n ** 63n];
  const write = (value: bigint) => (writer: BinaryWriter) => writer.uint64(value);
  const named = values.map((value) => [String(value), write(value)] as const);
  return fields(number, WireType.Varint, Object.fromEntries(named));
}

function doubles(number: number): Hostile {
  const write = (text: string) => (writer: BinaryWriter) => writer.double(Number(text));
  const named = hostileNumbers.map((text) => [text, write(text)] as const);
  return fields(number, WireType.Bit64, Object.fromEntries(named));
}

function fixed(number: number): Hostile {
  const write = (value: number) => (writer: BinaryWriter) => writer.fixed32(value);
  const named = [0, 1, 2 ** 32 - 1].map((value) => [String(value), write(value)] as const);
  return fields(number, WireType.Bit32, Object.fromEntries(named));
}

/** Keys and values of texts: fields 1 and 2 of an entry. A map with messages is a map of a Struct. */
function maps({ number, message }: DescField): Hostile {
  const entry = (key: Uint8Array, text: Uint8Array): Uint8Array => {
    const value = message ? messageField(3, text) : text;
    return messageField(number, Buffer.concat([messageField(1, key), messageField(2, value)]));
  };
  const fine = Buffer.from('fine');
  const odd = [...encoded, ['__proto__', Buffer.from('__proto__')] as const].flatMap(
    ([name, bytes]) => [
      [`key ${name}`, () => entry(bytes, fine)] as const,
      [`value ${name}`, () => entry(fine, bytes)] as const,
    ],
  );
  const many = (): Uint8Array[] =>
    Array.from({ length: 10_000 }, (_, index) => entry(Buffer.from(`k${index}`), fine));
  return {
    ...Object.fromEntries(odd),
    'many entries': () => Buffer.concat(many()),
    'no key': () => messageField(number, NOTHING),
  };
}

function lists(field: DescField): Hostile {
  const { number } = field;
  const one =
    field.message || field.scalar === ScalarType.STRING || field.scalar === ScalarType.BYTES
      ? messageField(number, NOTHING)
      : Buffer.from(new BinaryWriter().tag(number, WireType.Varint).uint64(1).finish());
  const times = (count: number) => (): Uint8Array =>
    Buffer.concat(Array<Uint8Array>(count).fill(one));
  return { '257 empty': times(257), '1,001 empty': times(1001), '100,000 empty': times(100_000) };
}

/** Depths at which decoders stop, and far beyond. */
const DEPTHS = [10, 16, 30, 31, 32, 33, 48, 49, 50, 60, 90, 99, 100, 101, 1000, 10_000];

/** Messages of google.protobuf. Only Struct contains itself. */
function wellKnown(field: DescField): Hostile {
  const { number, message } = field;
  switch (message?.typeName) {
    case 'google.protobuf.Struct':
      return {
        ...deep(number, structAround),
        ...deep(number, listAround, 'lists'),
        ...members(number),
      };
    case 'google.protobuf.Duration':
    case 'google.protobuf.Timestamp':
      return times(number);
    default:
      return {};
  }
}

/** The tag of a message field, and the length of its value. */
type Around = (bytes: number) => Uint8Array;

/** Value{struct_value = 5{fields = 1{key = 1, value = 2}}}. */
const structAround: Around = (bytes) => {
  const key = messageField(1, Buffer.from('a'));
  const entry = Buffer.concat([key, head(2, bytes)]);
  const fields = Buffer.concat([head(1, entry.length + bytes), entry]);
  return Buffer.concat([head(5, fields.length + bytes), fields]);
};

/** Value{list_value = 6{values = 1}}. */
const listAround: Around = (bytes) => {
  const values = head(1, bytes);
  return Buffer.concat([head(6, values.length + bytes), values]);
};

/** A field's tag and length. */
function head(number: number, bytes: number): Uint8Array {
  return new BinaryWriter().tag(number, WireType.LengthDelimited).uint32(bytes).finish();
}

/** A Struct whose only member has that many levels. It is written from the inside, since the other way is quadratic. */
function nested(depth: number, around: Around): Uint8Array {
  // string_value = 3.
  const parts: Uint8Array[] = [messageField(3, Buffer.from('x'))];
  let bytes = parts[0]?.length ?? 0;
  for (let level = 1; level < depth; level++) {
    const before = around(bytes);
    parts.push(before);
    bytes += before.length;
  }
  const value = Buffer.concat(parts.reverse());
  return messageField(
    1,
    Buffer.concat([messageField(1, Buffer.from('a')), messageField(2, value)]),
  );
}

function deep(number: number, around: Around, what = 'structs'): Hostile {
  const all = DEPTHS.map((depth) => {
    const make = (): Uint8Array => messageField(number, nested(depth, around));
    return [`${depth} ${what} deep`, make] as const;
  });
  return Object.fromEntries(all);
}

function members(number: number): Hostile {
  const named = (key: Uint8Array, value: () => Uint8Array) => (): Uint8Array =>
    messageField(
      number,
      messageField(1, Buffer.concat([messageField(1, key), messageField(2, value())])),
    );
  const text = (): Uint8Array => messageField(3, Buffer.from('x'));
  const numbers = doubles(2);
  return {
    ...Object.fromEntries(
      [...encoded].map(([name, bytes]) => [`member ${name}`, named(bytes, text)]),
    ),
    'member __proto__': named(Buffer.from('__proto__'), text),
    'a value that is nothing': named(Buffer.from('a'), () => NOTHING),
    ...Object.fromEntries(
      Object.entries(numbers).map(([name, bytes]) => [
        `number ${name}`,
        named(Buffer.from('a'), bytes),
      ]),
    ),
  };
}

function times(number: number): Hostile {
  const inner = (part: number) => Object.entries(varints(part));
  const seconds = inner(1).map(
    ([name, bytes]) => [`${name} s`, () => messageField(number, bytes())] as const,
  );
  const nanos = inner(2).map(
    ([name, bytes]) => [`${name} ns`, () => messageField(number, bytes())] as const,
  );
  return Object.fromEntries([...seconds, ...nanos]);
}

/** Bytes that are no valid encoding of this field. */
function nonsense(number: number): Hostile {
  const unknown = messageField(9999, new Uint8Array(1000));
  return {
    ...fields(number, WireType.Varint, { 'as a number': (writer) => writer.uint64(7n) }),
    ...fields(number, WireType.Bit64, { 'as eight bytes': (writer) => writer.double(1) }),
    'as empty bytes': () => messageField(number, NOTHING),
    'as a message of what nobody knows': () =>
      messageField(number, Buffer.concat(Array<Uint8Array>(50).fill(unknown))),
    'longer than it is': () =>
      Buffer.from(messageField(number, new Uint8Array(20))).subarray(0, 10),
    'a group': () => new BinaryWriter().tag(number, WireType.StartGroup).finish(),
    'the end of a group': () => new BinaryWriter().tag(number, WireType.EndGroup).finish(),
  };
}
