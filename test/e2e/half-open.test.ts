/** A coordinator that fails to start leaves nothing open: the next one can start in its place. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { connect } from '../../client/index.js';
import { type CoordinatorOptions, startCoordinator } from '../../server/coordinator.js';
import { dataFolder, removeDataFolders } from '../support/data-folder.js';
import { rejectionOf } from '../support/thrown.js';

const MOTD = 'what it says of itself';

describe('A coordinator that fails to start', () => {
  after(removeDataFolders);

  it('when its network cannot be loaded, lets its directory and its ports go', async () => {
    const data = join(dataFolder(), 'data');
    const options: CoordinatorOptions = { data, port: 0, times: { drainMs: 0 } };
    const whole = await startCoordinator(options);
    const node = connect({
      name: 'lobby-1',
      role: 'DOWNSTREAM',
      motd: MOTD,
      endpoints: whole.endpoint,
    });
    await node.ready();
    await whole.stop();
    await node.close();
    const file = join(data, 'journal.mdb');
    const original = readFileSync(file);
    const metrics = { host: '127.0.0.1', port: 39_471 };
    const said: string[] = [];
    // In the log, which the journal reads when it is opened, and in the table, which the network loads.
    for (let at = original.indexOf(MOTD); at >= 0; at = original.indexOf(MOTD, at + 1)) {
      const spoilt = Buffer.from(original);
      spoilt[at] = original.readUInt8(at) ^ 4;
      writeFileSync(file, spoilt);
      const failing = startCoordinator({ ...options, metrics });
      said.push((await rejectionOf(Error, failing)).message);
    }
    expect(said.join()).to.match(/damaged: row nodes.lobby-1/);
    writeFileSync(file, original);
    const next = await startCoordinator({ ...options, metrics });
    expect((await fetch(next.metricsUrl ?? '')).status).to.equal(200);
    await next.stop();
  });
});
