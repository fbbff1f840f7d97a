/** Writes the reference of the contract: a page of Markdown for each proto file, with its comments. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fromBinary, isFieldSet } from '@bufbuild/protobuf';
import {
  type DescriptorProto,
  type EnumDescriptorProto,
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
  type FieldDescriptorProto,
  FieldDescriptorProtoSchema,
  type FileDescriptorProto,
  FileDescriptorSetSchema,
  type ServiceDescriptorProto,
} from '@bufbuild/protobuf/wkt';
import { ROOT } from './prose.js';

const PACKAGE = 'kelpie.v1';
const FOLDER = `${ROOT}dist/contract/`;

const { file: files } = fromBinary(
  FileDescriptorSetSchema,
  readFileSync(`${ROOT}gen/kelpie.binpb`),
);
const own = files.filter((file) => file.package === PACKAGE);
const pageOf = (file: FileDescriptorProto): string => file.name.replace(/^.*\/|\.proto$/g, '');
/** The page where a type is described. */
const pages = new Map(own.flatMap((file) => typeNames(file).map((name) => [name, pageOf(file)])));

rmSync(FOLDER, { recursive: true, force: true });
mkdirSync(FOLDER, { recursive: true });
for (const file of own) writeFileSync(`${FOLDER}${pageOf(file)}.md`, page(file));

function typeNames({ messageType, enumType }: FileDescriptorProto): string[] {
  const inner = messageType.flatMap((message) =>
    message.nestedType.map(({ name }) => `${message.name}.${name}`),
  );
  return [...messageType.map(({ name }) => name), ...enumType.map(({ name }) => name), ...inner];
}

function page(file: FileDescriptorProto): string {
  const comments = new Map(
    file.sourceCodeInfo?.location.map(({ path, leadingComments }) => [
      path.join('.'),
      leadingComments,
    ]),
  );
  const say = (...path: number[]): string => inCell(comments.get(path.join('.')) ?? '');
  const parts = [
    ...file.service.map((one, index) => service(one, (...path) => say(6, index, ...path))),
    ...file.messageType.map((one, index) => message(one, (...path) => say(4, index, ...path))),
    ...file.enumType.map((one, index) => enumeration(one, (...path) => say(5, index, ...path))),
  ];
  const head = `---\ntitle: ${pageOf(file)}\ngroup: The contract, ${PACKAGE}\n---\n`;
  return [head, ...parts].join('\n\n') + '\n';
}

/** In one line, without marks of tables and tags. */
function inCell(comment: string): string {
  const line = comment.trim().replace(/\s+/g, ' ').replaceAll('|', '\\|');
  return line.replace(/`[^`]*`|</g, (part) => (part === '<' ? '&lt;' : part));
}

/** The comment of what lies at a path of numbers, as descriptors have it. */
type Say = (...path: number[]) => string;

function service({ name, method }: ServiceDescriptorProto, say: Say): string {
  const methods = method.map((one, index) => {
    const stream = (is: boolean): string => (is ? 'stream ' : '');
    const takes = stream(one.clientStreaming) + linked(one.inputType);
    const gives = stream(one.serverStreaming) + linked(one.outputType);
    return `### ${name}.${one.name}\n\n(${takes}) returns (${gives})\n\n${say(2, index)}`;
  });
  return [`## ${name}`, say(), ...methods].join('\n\n');
}

function message(type: DescriptorProto, say: Say, outer = ''): string {
  const rows = type.field.map((field, index) => {
    const name = [choiceOf(field, type), field.name].join('');
    return `| ${field.number} | ${name} | ${fieldType(field, type)} | ${say(2, index)} |`;
  });
  const table = ['| number | field | type | meaning |', '| --- | --- | --- | --- |', ...rows];
  const inner = type.nestedType.map((one, index) =>
    one.options?.mapEntry ? '' : message(one, (...path) => say(3, index, ...path), `${type.name}.`),
  );
  const parts = [`## ${outer}${type.name}`, say(), rows.length ? table.join('\n') : '', ...inner];
  return parts.filter((part) => part !== '').join('\n\n');
}

/** `body: ` before the fields of a oneof, of which a message has at most one. */
function choiceOf(field: FieldDescriptorProto, { oneofDecl }: DescriptorProto): string {
  const inOneof = isFieldSet(field, FieldDescriptorProtoSchema.field.oneofIndex);
  const name = oneofDecl[field.oneofIndex]?.name;
  return inOneof && !field.proto3Optional && name !== undefined ? `one ${name}: ` : '';
}

function enumeration({ name, value }: EnumDescriptorProto, say: Say): string {
  const rows = value.map((one, index) => `| ${one.number} | ${one.name} | ${say(2, index)} |`);
  const table = ['| number | value | meaning |', '| --- | --- | --- |', ...rows];
  return [`## ${name}`, say(), table.join('\n')].join('\n\n');
}

function fieldType(field: FieldDescriptorProto, { nestedType }: DescriptorProto): string {
  const entry = nestedType.find(
    ({ name, options }) => options?.mapEntry && field.typeName.endsWith(`.${name}`),
  );
  const [key, value] = entry?.field.map(single) ?? [];
  if (key && value) return `map of ${key} to ${value}`;
  if (field.label === Label.REPEATED) return `list of ${single(field)}`;
  return field.proto3Optional ? `optional ${single(field)}` : single(field);
}

function single({ type, typeName }: FieldDescriptorProto): string {
  return typeName === '' ? Type[type].toLowerCase() : linked(typeName);
}

/** A type of ours is a link to its page. */
function linked(typeName: string): string {
  const name = typeName.replace(`.${PACKAGE}.`, '');
  const file = pages.get(name);
  return file ? `[${name}](${file}.md#${name.toLowerCase().replace('.', '')})` : name.slice(1);
}
