/** protos/README.md: a session by hand runs as it stands there, and its tables name what there is. */
import { readFileSync } from 'node:fs';
import { fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { expect } from 'chai';
import { reasons } from '../../server/core/errors.js';
import { type Kelpied, startKelpied } from '../support/process/kelpied.js';
import { Document, expectShown, framesOf, run } from './document.js';
import { ROOT } from './prose.js';

const manual = new Document('protos/README.md');

describe('the manual of the contract', () => {
  let kelpied: Kelpied;

  before(async () => {
    // Its journal is in memory, as `durability` of the transcript shows.
    kelpied = await startKelpied();
  });
  after(() => kelpied.stop());

  it('holds a session by hand, which prints what it shows', async () => {
    const script = manual.block('bash', 'SessionService/Connect');
    const real = await run(script.replace('127.0.0.1:50051', kelpied.endpoint), {});
    const shown = framesOf(manual.block('json', 'welcome'));
    expect(shown.map((frame) => Object.keys(frame).at(-1))).to.deep.equal([
      ...['welcome', 'requestOk', 'publishAck', 'eventBatch', 'heartbeatAck', 'requestFailed'],
      ...['subscriptionUpdated', 'snapshot', 'requestOk'],
    ]);
    expect(framesOf(real)).to.deep.equal(shown);
  }).timeout(60_000);

  it('shows a call that fails, and its typed error', () =>
    expectShown(manual.commands('npx buf curl'), 1, { KELPIE_ENDPOINTS: kelpied.endpoint }));

  it('names the error that breaks each rule', () => {
    const rows = manual.table('rule');
    expect(rows.length).to.be.greaterThan(10);
    const names = rows.flatMap(([, errors = '']) => errors.split(', '));
    expect(names.filter((name) => !(name in reasons))).to.deep.equal([]);
  });

  it('names the verbs of other systems, and all that does the same is in the contract', () => {
    const rows = manual.table('there').filter(([, here = '']) => here !== '');
    expect(rows.length).to.be.greaterThan(30);
    const known = contractNames();
    for (const [there = '', here = ''] of rows) {
      const names = [...here.matchAll(/`([A-Z]\w+(?:\.[A-Z]\w+)?)/g)].map(([, name = '']) => name);
      const unknown = names.filter((name) => !known.has(name) && name !== 'Payload');
      expect(unknown, there).to.deep.equal([]);
      expect(names.length > 0 || /not yet|kelpie/.test(here), there).to.equal(true);
    }
  });
});

/** Every name of the contract: messages, and methods as `PlayerService.GetPlayer`. */
function contractNames(): Set<string> {
  const bytes = readFileSync(`${ROOT}gen/kelpie.binpb`);
  const { file } = fromBinary(FileDescriptorSetSchema, bytes);
  const messages = file.flatMap(({ messageType }) => messageType.map(({ name }) => name));
  const methods = file.flatMap(({ service }) =>
    service.flatMap(({ name, method }) => method.map((one) => `${name}.${one.name}`)),
  );
  return new Set([...messages, ...methods]);
}
