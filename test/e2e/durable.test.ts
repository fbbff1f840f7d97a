/** A coordinator with its journal in a file is killed and started again, and the nodes do not notice. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { connect } from '../../client/index.js';
import { Crowd } from '../support/process/crowd.js';
import { Inbox } from '../support/wire/inbox.js';
import { startKelpied } from '../support/process/kelpied.js';
import { inSoak } from '../support/soak.js';

const SPEAKERS = 2;
const KILLS = inSoak(20, 8);

describe('kelpied with its journal in a file', () => {
  let folder: string;
  let args: string[];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kelpie-data-'));
    args = ['--journal', 'file', '--data', join(folder, 'data')];
  });
  afterEach(() => rm(folder, { recursive: true }));

  it(`goes on after each of ${KILLS} kill -9 under load: nodes get every event once and in order, and no node leaves`, async () => {
    // A node waits at most a third of the grace between two attempts.
    args.push('--grace-seconds', '9');
    let kelpied = await startKelpied(args);
    const { endpoint, port } = kelpied;
    const crowd = new Crowd({
      endpoint,
      name: 'count',
      nodes: SPEAKERS,
      perSecond: 500,
      network: SPEAKERS,
    });
    await crowd.ready();
    crowd.publish();
    const startMs = performance.now();
    for (let round = 0; round < KILLS; round++) {
      // All nodes are connected and publish when the coordinator is killed.
      await crowd.progress();
      await kelpied.kill();
      kelpied = await startKelpied([...args, '--port', String(port)]);
      await crowd.back();
    }
    const tookMs = performance.now() - startMs;
    const { published, acknowledged, wrong } = await crowd.settle();
    expect(wrong, 'not in order, not once, a gap, a node that changed or left').to.deep.equal([]);
    expect(acknowledged).to.equal(published);
    expect(crowd.epochs.size, 'epochs').to.equal(1);
    const received = await retold(endpoint, published);
    expect(received).to.deep.equal(
      Array.from({ length: SPEAKERS }, () => upTo(published / SPEAKERS)),
    );
    await crowd.close();
    expect(await kelpied.stop()).to.equal(0);
    const perSecond = Math.round((published / tookMs) * 1000);
    console.log(`      ${published} events at ${perSecond}/s over ${KILLS} kill -9`);
  }).timeout(180_000);
});

/** The numbers that each node published, from the history that a new reader gets. */
async function retold(endpoint: string, count: number): Promise<string[][]> {
  const inbox = new Inbox();
  const latecomer = connect({
    name: 'latecomer',
    role: 'SERVICE',
    endpoints: endpoint,
    start: 'EARLIEST',
  });
  latecomer.subscribe('count.*', inbox.take);
  const events = await inbox.atLeast(count);
  await latecomer.close();
  return Array.from({ length: SPEAKERS }, (_, speaker) =>
    events
      .filter(({ topic }) => topic === `count.${speaker}`)
      .map(({ content }) => content as string),
  );
}

/** The numbers from 1 to a number, in order. */
function upTo(last: number): string[] {
  return Array.from({ length: last }, (_, index) => String(index + 1));
}
