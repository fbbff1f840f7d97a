import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { KelpieError } from '../../../client/errors.js';
import { systemClock } from '../../../client/core/clock.js';
import { StoredFile } from '../../../client/files/stored-file.js';
import { thrownBy } from '../../support/thrown.js';
import { until } from '../../support/until.js';

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();

describe('a file of a client', () => {
  let folder: string;
  let failures: unknown[];
  let file: StoredFile;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kelpie-file-'));
    failures = [];
    file = new StoredFile(join(folder, 'state'), systemClock, (error) => failures.push(error));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const held = async () => {
    const bytes = await readFile(join(folder, 'state')).catch(() => undefined);
    return bytes?.toString();
  };

  it('is missing before the first write, and then has the newest content', async () => {
    expect(file.load(text)).to.equal(undefined);
    for (const state of ['a', 'b', 'c']) file.save(() => Buffer.from(state));
    await file.close();
    expect(file.load(text)).to.equal('c');
  });

  it('follows the changes by itself, and encodes only the states that it writes', async () => {
    const made: number[] = [];
    const save = (state: number) =>
      file.save(() => {
        made.push(state);
        return Buffer.from(String(state));
      });
    [1, 2, 3].forEach(save);
    while ((await held()) !== '3');
    save(4);
    while ((await held()) !== '4');
    expect(made).to.deep.equal([3, 4]);
    expect(failures).to.be.empty;
  });

  it('names the problem and the remedy if it cannot be read', async () => {
    await writeFile(join(folder, 'state'), 'x');
    const damaged = (): never => {
      throw new Error('not a cursor');
    };
    const { reason, message } = thrownBy(KelpieError, () => file.load(damaged));
    expect(reason).to.equal('FILE_INVALID');
    expect(message).to.contain('not a cursor').and.contain('remove it');
  });

  it('reports each write that fails', async () => {
    const lost = new StoredFile(join(folder, 'missing', 'state'), systemClock, (error) =>
      failures.push(error),
    );
    lost.save(() => Buffer.from('a'));
    await until(() => failures.length === 1);
    lost.save(() => Buffer.from('b'));
    await lost.close();
    expect(failures).to.have.length(2);
  });
});
