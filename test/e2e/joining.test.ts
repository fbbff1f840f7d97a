/** Nodes that join with a join token: real processes, which are killed in the middle of it, and a real coordinator. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { type AddressInfo, connect as connectTcp, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { type Api, apiAt, type Credential } from '../../client/api/index.js';
import { connect } from '../../client/index.js';
import { type Coordinator, startCoordinator } from '../../server/coordinator.js';
import { dataFolder, removeDataFolders } from '../support/process/data-folder.js';
import { until } from '../support/until.js';

const CHILD = fileURLToPath(new URL('../support/process/join-child.js', import.meta.url));
const NAME = 'lobby-of-the-test';

/** A way to the coordinator on which the Join of the node, or its answer, gets lost. `lost` is called then. */
async function lossyWay(port: number, loses: 'request' | 'answer', lost: () => void) {
  const server = createServer((near) => {
    const far = connectTcp(port, '127.0.0.1');
    let isLost = false;
    near.on('data', (bytes) => {
      // The request has the name as text.
      if (bytes.includes(NAME)) {
        isLost = true;
        lost();
      }
      if (!isLost || loses === 'answer') far.write(bytes);
    });
    far.on('data', (bytes) => {
      if (!isLost) near.write(bytes);
    });
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const)
      one.on('error', () => undefined).on('close', () => other.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

describe('A node that is killed while it joins', () => {
  let coordinator: Coordinator;
  let root: Api;
  let way: Server | undefined;

  before(async () => {
    coordinator = await startCoordinator({ journal: 'memory', port: 0, times: { drainMs: 0 } });
    root = apiAt(coordinator.endpoint, { token: await coordinator.createToken({ name: 'root' }) });
  });
  afterEach(() => way?.close());
  after(async () => {
    root.close();
    await coordinator.stop();
    removeDataFolders();
  });

  for (const loses of ['request', 'answer'] as const) {
    it(`joins at its next start with the same token of one use: the ${loses} was lost`, async () => {
      const made = await root.access.create(`doors-${loses}`, {
        ...{ preset: 'SERVER', rights: { nodeNames: [NAME] } },
        ...{ ttlMs: 60_000, join: { uses: 1 } },
      });
      const { id } = made.credential;
      const uses = async () => (await root.access.get(id)).join?.uses;
      const joined = async (): Promise<Credential[]> =>
        (await root.access.list()).credentials.filter((one) => one.joinedBy === id);
      const file = join(dataFolder(), 'token');
      let isLost = false;
      way = await lossyWay(coordinator.port, loses, () => (isLost = true));
      const { port } = way.address() as AddressInfo;
      const child = fork(CHILD, [`127.0.0.1:${port}`, NAME, made.token, file]);
      await until(() => isLost);
      while (loses === 'answer' && (await uses()) !== 0);
      const end = once(child, 'exit');
      child.kill('SIGKILL');
      await end;
      expect([existsSync(file), await uses()]).to.deep.equal([false, loses === 'answer' ? 0 : 1]);
      const drawn = readFileSync(`${file}.joining`, 'utf8');

      const node = connect({
        ...{ name: NAME, role: 'DOWNSTREAM', endpoints: coordinator.endpoint },
        ...{ joinToken: made.token, tokenFile: file },
      });
      await node.ready();
      expect(readFileSync(file, 'utf8')).to.equal(drawn);
      expect(existsSync(`${file}.joining`)).to.equal(false);
      expect(await uses()).to.equal(0);
      expect((await joined()).map(({ name }) => name)).to.deep.equal([NAME]);
      await node.close();
    });
  }
});
