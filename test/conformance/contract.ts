/**
 * The contract in the JSON form of protobuf, as scenarios write it. The coordinator of the runner speaks a newer
 * contract than the released one: each message has a field `newer`, and each oneof one more member, `newerFrame` in a
 * frame. So a scenario can send what no client knows.
 */
import {
  createFileRegistry,
  create,
  type DescField,
  type DescMessage,
  type DescMethod,
  fromBinary,
  fromJson,
  type JsonValue,
  toBinary,
  toJson,
} from '@bufbuild/protobuf';
import {
  type DescriptorProto,
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  FieldDescriptorProtoSchema,
} from '@bufbuild/protobuf/wkt';
import { descriptorSet } from '../support/wire/descriptors.js';

/** The number of the field that no released contract has. Those of the oneofs follow. */
const NEWER = 5000;

export type Json = Record<string, unknown>;

const registry = createFileRegistry(withNewer());

function withNewer() {
  const set = descriptorSet();
  for (const { name, messageType } of set.file)
    if (name.startsWith('kelpie/v1/')) for (const message of messageType) addNewer(message);
  return set;
}

function addNewer(message: DescriptorProto): void {
  const field = (name: string, number: number) => ({
    ...{
      name,
      number,
      jsonName: name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase()),
    },
    type: FieldDescriptorProto_Type.STRING,
    label: FieldDescriptorProto_Label.OPTIONAL,
  });
  const ofOptional = message.field.filter((one) => one.proto3Optional).map((one) => one.oneofIndex);
  message.field.push(create(FieldDescriptorProtoSchema, field('newer', NEWER)));
  for (const [oneofIndex, { name }] of message.oneofDecl.entries()) {
    if (ofOptional.includes(oneofIndex)) continue;
    const member = { ...field(`newer_${name}`, NEWER + 1 + oneofIndex), oneofIndex };
    message.field.push(create(FieldDescriptorProtoSchema, member));
  }
}

/** Every method of the contract, by its path on the wire. */
export const methods: ReadonlyMap<string, DescMethod> = new Map(
  [...registry.files].flatMap(({ services }) =>
    services.flatMap(({ typeName, methods: all }) =>
      all.map((method): [string, DescMethod] => [`/${typeName}/${method.name}`, method]),
    ),
  ),
);

export function typeOf(name: string): DescMessage {
  const found = registry.getMessage(`kelpie.v1.${name}`);
  if (!found) throw new Error(`the contract has no message ${name}`);
  return found;
}

/** The bytes of a message. Throws if it is no such message. */
export function encode(type: DescMessage, json: unknown): Buffer {
  const message = fromJson(type, expanded(type, json) as JsonValue, { registry });
  return Buffer.from(toBinary(type, message));
}

/** A message for people: without the fields that have no value; and for matching: with them. */
export function decode(type: DescMessage, bytes: Uint8Array): { brief: Json; full: Json } {
  const message = fromBinary(type, bytes);
  const brief = toJson(type, message, { registry }) as Json;
  return { brief, full: toJson(type, message, { registry, alwaysEmitImplicit: true }) as Json };
}

/**
 * A message or a pattern of one, as scenarios write it, in the JSON form: a cursor may be a sequence, 7, or an epoch and a
 * sequence, "2/7". Throws for a name that the contract does not have.
 */
export function expanded(type: DescMessage, value: unknown): unknown {
  if (type.typeName.startsWith('google.') || isName(value)) return value;
  if (type.typeName === 'kelpie.v1.Cursor' && typeof value !== 'object') return cursorOf(value);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => {
      const field = type.fields.find((one) => one.jsonName === name || one.name === name);
      if (!field) throw new Error(`${type.name} has no field ${name}`);
      return [field.jsonName, expandedField(field, inner)];
    }),
  );
}

function expandedField(field: DescField, value: unknown): unknown {
  const { message } = field;
  if (!message || value === null) return value;
  if (field.fieldKind === 'message') return expanded(message, value);
  if (Array.isArray(value)) return value.map((one) => expanded(message, one));
  if (typeof value !== 'object') return value;
  const entries = Object.entries(value).map(([key, one]) => [key, expanded(message, one)]);
  return Object.fromEntries(entries) as Json;
}

/** Whether it is the name of a captured value. */
export function isName(value: unknown): value is string {
  return typeof value === 'string' && /^\$[a-zA-Z]/.test(value);
}

/** The cursor of a sequence in an epoch. Each has a tag of its own. */
function cursorOf(value: unknown): Json {
  const [sequence = 0, epoch = 1] = String(value).split('/').reverse().map(Number);
  const tag = (sequence * 2_654_435_761 + epoch) % 2 ** 32;
  return { epoch: Buffer.alloc(16, epoch).toString('base64'), sequence: String(sequence), tag };
}
