/** The contract as its descriptors say it, and messages that are made from them. */
import { readFileSync } from 'node:fs';
import {
  create,
  createFileRegistry,
  type DescField,
  type DescMessage,
  type DescMethod,
  fromBinary,
  fromJson,
  type JsonObject,
  ScalarType,
  toBinary,
} from '@bufbuild/protobuf';
import { reflect, type ReflectMessage } from '@bufbuild/protobuf/reflect';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';

/** Compiled, this file lies in dist/test/support. */
const BINARY = new URL('../../../gen/kelpie.binpb', import.meta.url);

export const registry = createFileRegistry(
  fromBinary(FileDescriptorSetSchema, readFileSync(BINARY)),
);

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

/** What else a message has, by its name, so that it is refused for the one field, if at all. */
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
