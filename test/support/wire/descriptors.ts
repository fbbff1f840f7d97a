/** The descriptors of the contract, and messages that are made from them. */
import { readFileSync } from 'node:fs';
import {
  create,
  createFileRegistry,
  type DescField,
  type DescMessage,
  type DescMethod,
  equals,
  fromBinary,
  fromJson,
  type JsonObject,
  type JsonValue,
  ScalarType,
  toBinary,
} from '@bufbuild/protobuf';
import { reflect, type ReflectList, type ReflectMessage } from '@bufbuild/protobuf/reflect';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';

/** The compiled file lies one folder deeper, in dist. */
const BINARY = new URL('../../../../gen/kelpie.binpb', import.meta.url);

/** The files of the contract. Each call makes new ones, which the caller may change. */
export function descriptorSet() {
  return fromBinary(FileDescriptorSetSchema, readFileSync(BINARY));
}

export const registry = createFileRegistry(descriptorSet());

/** Every method of the contract. */
export const methods: readonly DescMethod[] = [...registry.files].flatMap(({ services }) =>
  services.flatMap((service) => service.methods),
);

/** Fields from a message down to one. */
export type FieldPath = readonly DescField[];

/** `frames.ack.sequence`. */
export const nameOf = (path: FieldPath): string => path.map(({ name }) => name).join('.');

/** The paths to all scalar fields of these types. A message within itself is not followed. */
export function pathsTo(
  message: DescMessage,
  types: readonly ScalarType[],
  above: readonly DescMessage[] = [],
): FieldPath[] {
  if (above.includes(message)) return [];
  return message.fields.flatMap((field) => {
    if (field.message) {
      const below = pathsTo(field.message, types, [...above, message]);
      return below.map((path) => [field, ...path]);
    }
    return field.scalar && types.includes(field.scalar) ? [[field]] : [];
  });
}

/** The other fields of each message, by its name. They are valid, so a refusal is always about the one field. */
export type Templates = Readonly<Record<string, JsonObject>>;

/** The bytes of a message in which the field at the end of a path has a value. */
export function bytesWith(
  message: DescMessage,
  path: FieldPath,
  value: unknown,
  templates: Templates,
): Buffer {
  const built = messageWith(message, path, value, templates);
  return Buffer.from(toBinary(message, built.message));
}

function messageWith(
  message: DescMessage,
  [field, ...rest]: FieldPath,
  value: unknown,
  templates: Templates,
): ReflectMessage {
  const template = templates[message.typeName];
  const begun = template ? fromJson(message, template, { registry }) : create(message);
  const built = reflect(message, begun);
  if (!field) return built;
  const below = field.message ? messageWith(field.message, rest, value, templates) : value;
  if (field.fieldKind === 'list') built.get(field).add(below);
  else if (field.fieldKind === 'map') built.get(field).set('key', below);
  else built.set(field, below);
  return built;
}

export function messageType(name: string): DescMessage {
  const found = registry.getMessage(`kelpie.v1.${name}`);
  if (!found) throw new Error(`the contract has no message ${name}`);
  return found;
}

/** Every path in a message; a type that contains itself is entered once. */
export function* pathsOf(
  type: DescMessage,
  within: readonly DescMessage[] = [],
): Generator<FieldPath> {
  for (const field of type.fields) {
    yield [field];
    const inner = field.message;
    if (!inner || within.includes(inner)) continue;
    for (const path of pathsOf(inner, [...within, inner])) yield [field, ...path];
  }
}

/** A message's bytes from its JSON form. */
export function bytesOfJson(type: DescMessage, json: JsonValue): Uint8Array {
  return toBinary(type, fromJson(type, json, { registry }));
}

/** Decodes a message with a decoder that is not Kelpie's. Throws if the bytes are no message. */
export function decoded(type: DescMessage, bytes: Uint8Array): ReflectMessage {
  return reflect(type, fromBinary(type, bytes));
}

/** Whether two messages are the same, but for fields that the contract does not know. */
export function sameMessage(left: ReflectMessage, right: ReflectMessage): boolean {
  const bytes = ({ desc, message }: ReflectMessage): Uint8Array =>
    toBinary(desc, message, { writeUnknownFields: false });
  // NaN is not equal to itself, but has the same bytes; maps are equal in another order.
  return (
    equals(left.desc, left.message, right.message) ||
    Buffer.compare(bytes(left), bytes(right)) === 0
  );
}

/** The messages in a repeated field. */
export function listed(message: ReflectMessage, name: string): ReflectMessage[] {
  const field = message.fields.find((one) => one.name === name);
  if (field?.fieldKind !== 'list') throw new Error(`${name} is no list`);
  return [...(message.get(field) as ReflectList<ReflectMessage>)];
}

/** The value of a field; undefined if it is not set. */
export function valueOf(message: ReflectMessage, name: string): unknown {
  const field = message.fields.find((one) => one.name === name);
  if (!field) throw new Error(`no field ${name}`);
  return message.isSet(field) ? message.get(field) : undefined;
}

/** A field of a message, as bytes. */
export function messageField(number: number, bytes: Uint8Array): Uint8Array {
  return new BinaryWriter().tag(number, WireType.LengthDelimited).bytes(bytes).finish();
}
