/** A coordinator that fails to start leaves nothing open, so that the next one can start in its place. */
import { join } from 'node:path';
import { expect } from 'chai';
import { startCoordinator } from '../../server/coordinator.js';
import { dataFolder, removeDataFolders } from '../support/process/data-folder.js';
import { openFile } from '../support/journal/file-journals.js';
import { rejectionOf } from '../support/thrown.js';

describe('A coordinator that fails to start', () => {
  after(removeDataFolders);

  it('because its network cannot be loaded releases its directory and its ports', async () => {
    const data = join(dataFolder(), 'data');
    const journal = await openFile(data);
    // The row is whole on the disk, but its value is no Node.
    const row = { key: 'nodes/lobby-1', value: Buffer.alloc(20, 0xff) };
    const entry = { topic: 'nodes.lobby-1', event: Buffer.alloc(0), source: '', ...row };
    await journal.append([{ require: [], entries: [entry] }]);
    await journal.close();
    const options = { data, port: 0, metrics: { host: '127.0.0.1', port: 39_471 } };
    const messages: string[] = [];
    for (let attempt = 0; attempt < 2; attempt++) {
      messages.push((await rejectionOf(Error, startCoordinator(options))).message);
    }
    expect(messages[0]).to.not.match(/in use|taken/);
    expect(messages[1]).to.equal(messages[0]);
  });
});
