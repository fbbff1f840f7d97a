/** Root works in the data directory of another user: everything there belongs to that user afterwards too. */
import { chownSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { startCoordinator } from '../../server/coordinator.js';
import { dataFolder, removeDataFolders } from '../support/process/data-folder.js';
import { runKelpied } from '../support/process/kelpied.js';

/** Any user that is not this one. */
const OTHER = 54_321;
const isRoot = process.geteuid?.() === 0;

describe('A data directory of another user', () => {
  let folder: string;
  let data: string;
  /** Root gives the directory away. Others cannot, and then they are its user. */
  const owner = isRoot ? OTHER : process.geteuid?.();

  before(async () => {
    folder = dataFolder();
    data = join(folder, 'data');
    const coordinator = await startCoordinator({ data, port: 0, times: { drainMs: 0 } });
    await coordinator.stop();
    // The first token makes them again.
    for (const name of readdirSync(data).filter((one) => one.startsWith('credentials')))
      rmSync(join(data, name));
    if (isRoot) for (const path of [folder, ...all()]) chownSync(path, OTHER, OTHER);
  });
  after(removeDataFolders);

  const all = (): string[] => [
    data,
    ...readdirSync(data, { recursive: true }).map((name) => join(data, String(name))),
  ];
  const foreign = (): string[] => all().filter((path) => statSync(path).uid !== owner);

  for (const task of ['token create', 'data info', 'data check', 'data compact', 'certs']) {
    it(`keeps its owner when root runs kelpied ${task}`, async () => {
      const before = all().length;
      const args = [...task.split(' '), '--data', data];
      const { code, errors } = await runKelpied(args, {}, folder);
      expect([code, errors]).to.deep.equal([0, '']);
      if (['token create', 'certs'].includes(task)) expect(all().length).to.be.above(before);
      expect(foreign()).to.deep.equal([]);
    });
  }

  it('leaves the token file to the user who asked', async () => {
    const own = join(folder, 'own');
    mkdirSync(own, { mode: 0o700 });
    const file = join(own, 'token');
    const args = ['token', 'create', '--data', data, '--token-file', file];
    const { code, errors } = await runKelpied(args, {}, folder);
    expect([code, errors]).to.deep.equal([0, '']);
    expect(statSync(file).uid).to.equal(process.geteuid?.());
  });
});
