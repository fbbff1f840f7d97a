/** The names and the comments of the contract, as its descriptors have them. */
import { readFileSync } from 'node:fs';
import { fromBinary } from '@bufbuild/protobuf';
import { type FileDescriptorProto, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { expect } from 'chai';

/** The compiled file lies one folder deeper, in dist. */
const BINARY = new URL('../../../gen/kelpie.binpb', import.meta.url);

const { file: all } = fromBinary(FileDescriptorSetSchema, readFileSync(BINARY));
const files = all.filter((file) => file.package.startsWith('kelpie.'));

/** Something with a name, and its comment. */
interface Described {
  readonly name: string;
  readonly comment: string;
}

/** All services, rpcs, messages, oneofs, fields, enums and values of a file. */
function* described(file: FileDescriptorProto): Generator<Described> {
  const comments = new Map(
    file.sourceCodeInfo?.location.map((one) => [one.path.join('.'), one.leadingComments.trim()]),
  );
  const one = (name: string, ...path: number[]): Described => ({
    name: `${file.name}: ${name}`,
    comment: comments.get(path.join('.')) ?? '',
  });
  for (const [at, { name, method }] of file.service.entries()) {
    yield one(name, 6, at);
    for (const [index, rpc] of method.entries()) yield one(`${name}.${rpc.name}`, 6, at, 2, index);
  }
  for (const [at, { name, field, oneofDecl, nestedType }] of file.messageType.entries()) {
    yield one(name, 4, at);
    for (const [index, part] of field.entries()) yield one(`${name}.${part.name}`, 4, at, 2, index);
    const own = field.filter(({ proto3Optional }) => !proto3Optional);
    for (const [index, part] of oneofDecl.entries()) {
      // One that stands for an optional field has no words of its own.
      if (own.some(({ oneofIndex }) => oneofIndex === index && !part.name.startsWith('_')))
        yield one(`${name}.${part.name}`, 4, at, 8, index);
    }
    // Nobody writes the entries of maps by hand.
    expect(nestedType.filter(({ options }) => !options?.mapEntry)).to.deep.equal([]);
  }
  for (const [at, { name, value }] of file.enumType.entries()) {
    yield one(name, 5, at);
    for (const [index, part] of value.entries()) yield one(`${name}.${part.name}`, 5, at, 2, index);
  }
}

describe('the contract', () => {
  it('has no message that shares the name of an rpc', () => {
    const messages = new Set(files.flatMap(({ messageType }) => messageType.map((m) => m.name)));
    const rpcs = files.flatMap(({ service }) => service.flatMap(({ method }) => method));
    expect(rpcs).to.have.length.above(15);
    expect(rpcs.map(({ name }) => name).filter((name) => messages.has(name))).to.deep.equal([]);
  });

  it('has a comment of at least one sentence at each thing that has a name', () => {
    const things = files.flatMap((file) => [...described(file)]);
    expect(things).to.have.length.above(500);
    const bare = things.filter(({ comment }) => !/\w.*[.:)]$/s.test(comment));
    expect(bare.map(({ name }) => name)).to.deep.equal([]);
  });
});
