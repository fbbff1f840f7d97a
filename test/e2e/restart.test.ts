/** A coordinator stops by SIGTERM and starts again under load, and the nodes do not notice. */
import { performance } from 'node:perf_hooks';
import { expect } from 'chai';
import { Crowd } from '../support/process/crowd.js';
import { dataFolder, removeDataFolders } from '../support/process/data-folder.js';
import { startKelpied } from '../support/process/kelpied.js';
import { NodeProcess } from '../support/process/node-process.js';

const CROWDS = 5;
const NODES = 10;
/** The default of --drain-seconds. */
const DRAIN_MS = 10_000;

describe('kelpied that stops and starts again', () => {
  afterEach(removeDataFolders);

  it('gets all fifty sessions back, which lost no event and saw no other node leave', async () => {
    // A node waits at most a third of the grace between two attempts.
    const args = ['--journal', 'file', '--data', dataFolder(), '--grace-seconds', '9'];
    let kelpied = await startKelpied(args);
    const { endpoint, port } = kelpied;
    const crowds = Array.from({ length: CROWDS }, (_, index) => {
      const name = `crowd${index}`;
      return new Crowd({ endpoint, name, nodes: NODES, perSecond: 20, network: CROWDS * NODES });
    });
    await Promise.all(crowds.map((crowd) => crowd.ready()));
    for (const crowd of crowds) crowd.publish();
    for (let round = 1; round <= 2; round++) {
      await Promise.all(crowds.map((crowd) => crowd.progress()));
      const startMs = performance.now();
      expect(await kelpied.stop()).to.equal(0);
      const exitMs = performance.now() - startMs;
      expect(exitMs).to.be.below(DRAIN_MS);
      kelpied = await startKelpied([...args, '--port', String(port)]);
      const listensMs = performance.now() - startMs;
      await Promise.all(crowds.map((crowd) => crowd.back()));
      const backMs = performance.now() - startMs;
      const times = [exitMs, listensMs, backMs].map((ms) => `${Math.round(ms)} ms`);
      console.log(
        `      gone after ${times[0]}, listens after ${times[1]}, all back after ${times[2]}`,
      );
    }
    for (const { published, acknowledged, wrong } of await Promise.all(
      crowds.map((crowd) => crowd.settle()),
    )) {
      expect(wrong, 'not in order, not once, a gap, a node that changed or left').to.deep.equal([]);
      expect(acknowledged).to.equal(published);
    }
    expect(new Set(crowds.flatMap(({ epochs }) => [...epochs])).size, 'epochs').to.equal(1);
    await Promise.all(crowds.map((crowd) => crowd.close()));
    expect(await kelpied.stop()).to.equal(0);
  }).timeout(120_000);

  it('waits for a frozen node no longer than --drain-seconds, and ends with 0', async () => {
    const kelpied = await startKelpied(['--drain-seconds', '1']);
    const node = new NodeProcess(kelpied.endpoint, 'frozen');
    await node.next('welcome');
    node.signal('SIGSTOP');
    const startMs = performance.now();
    expect(await kelpied.stop()).to.equal(0);
    const tookMs = performance.now() - startMs;
    expect(tookMs).to.be.below(DRAIN_MS);
    console.log(`      gone after ${Math.round(tookMs)} ms, with a drain of 1000 ms`);
    await node.kill();
  });
});
