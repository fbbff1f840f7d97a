/** The contract of a credential store. Every engine must pass it. */
import { expect } from 'chai';
import type { CredentialStore, StoredRecord } from '../../server/journal/credential-store.js';
import { until } from '../support/until.js';

/** Adds the tests for one engine. `make` returns a function that opens one store, for a user more at each call. */
export function credentialStoreContract(make: () => Promise<() => Promise<CredentialStore>>): void {
  let opened: CredentialStore[];
  let open: () => Promise<CredentialStore>;

  beforeEach(async () => {
    opened = [];
    const one = await make();
    open = async () => {
      const store = await one();
      opened.push(store);
      return store;
    };
  });
  afterEach(async () => {
    for (const store of opened) await store.close();
  });

  const bytes = (text: string): Buffer => Buffer.from(text);
  const all = async (store: CredentialStore): Promise<StoredRecord[]> => {
    const found: StoredRecord[] = [];
    for await (const record of store.records()) found.push(record);
    return found;
  };
  const texts = async (store: CredentialStore): Promise<Record<string, string>> =>
    Object.fromEntries(
      (await all(store)).map((one) => [one.id, Buffer.from(one.bytes).toString()]),
    );

  it('begins with revision 0 and no record', async () => {
    const store = await open();
    expect(await store.revision()).to.equal(0);
    expect(await all(store)).to.deep.equal([]);
  });

  it('keeps what was written, for every user', async () => {
    const [one, two] = [await open(), await open()];
    const revision = await one.write([{ id: 'a', bytes: bytes('1'), expected: 0 }]);
    expect(revision).to.equal(1);
    expect(await all(two)).to.have.length(1);
    expect((await all(two))[0]).to.include({ id: 'a', revision });
    expect(await two.revision()).to.equal(1);
  });

  it('writes all changes or none', async () => {
    const store = await open();
    const first = await store.write([{ id: 'a', bytes: bytes('1'), expected: 0 }]);
    const changes = [
      { id: 'b', bytes: bytes('2'), expected: 0 },
      { id: 'a', bytes: bytes('3'), expected: 99 },
    ];
    expect(await store.write(changes)).to.equal(undefined);
    expect(await texts(store)).to.deep.equal({ a: '1' });
    const right = [{ ...changes[0], id: 'b', bytes: bytes('2'), expected: 0 }];
    expect(
      await store.write([...right, { id: 'a', bytes: bytes('3'), expected: first ?? 0 }]),
    ).to.equal(2);
    expect(await texts(store)).to.deep.equal({ a: '3', b: '2' });
  });

  it('refuses to create a record that is there, and to change one that is not', async () => {
    const store = await open();
    await store.write([{ id: 'a', bytes: bytes('1'), expected: 0 }]);
    expect(await store.write([{ id: 'a', bytes: bytes('2'), expected: 0 }])).to.equal(undefined);
    expect(await store.write([{ id: 'b', bytes: bytes('2'), expected: 1 }])).to.equal(undefined);
    expect(await store.write([{ id: 'b', bytes: null, expected: 1 }])).to.equal(undefined);
    expect(await texts(store)).to.deep.equal({ a: '1' });
  });

  it('deletes a record, and its revision still grows', async () => {
    const store = await open();
    const revision = (await store.write([{ id: 'a', bytes: bytes('1'), expected: 0 }])) ?? 0;
    expect(await store.write([{ id: 'a', bytes: null, expected: revision }])).to.equal(2);
    expect(await all(store)).to.deep.equal([]);
    expect(await store.revision()).to.equal(2);
    expect(await store.write([{ id: 'a', bytes: bytes('2'), expected: revision }])).to.equal(
      undefined,
    );
    expect(await store.write([{ id: 'a', bytes: bytes('2'), expected: 0 }])).to.equal(3);
  });

  it('lets one of two writers at a time win', async () => {
    const users = [await open(), await open()] as const;
    const writes = Array.from({ length: 20 }, (_, index) =>
      users[index % 2 === 0 ? 0 : 1].write([{ id: 'a', bytes: bytes(String(index)), expected: 0 }]),
    );
    const won = (await Promise.all(writes)).filter((revision) => revision !== undefined);
    expect(won).to.deep.equal([1]);
  });

  it('has many records', async () => {
    const store = await open();
    const changes = Array.from({ length: 1000 }, (_, index) => ({
      id: String(index),
      bytes: bytes(`record ${index}`),
      expected: 0,
    }));
    await store.write(changes);
    const found = await texts(store);
    expect(Object.keys(found)).to.have.length(1000);
    expect(found['999']).to.equal('record 999');
  });

  it('reports the writes of others, and not its own', async () => {
    const [one, two] = [await open(), await open()];
    const heard = { one: 0, two: 0 };
    await Promise.all([one.revision(), two.revision()]);
    one.onChange(() => (heard.one += 1));
    two.onChange(() => {
      heard.two += 1;
      void two.revision();
    });
    await one.write([{ id: 'a', bytes: bytes('1'), expected: 0 }]);
    await until(() => heard.two > 0);
    expect(heard.one).to.equal(0);
  });
}
