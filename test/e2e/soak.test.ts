/**
 * A coordinator stops and starts again many times, in turn by SIGTERM and by kill -9. Nothing may grow: not the nodes
 * that stay, not kelpied, and not the data on the disk. `make soak` does it for ten minutes.
 */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as pass } from 'node:timers/promises';
import { expect } from 'chai';
import { reachApi } from '../support/wire/calls.js';
import { Crowd, type CrowdReport } from '../support/process/crowd.js';
import { dataFolder, removeDataFolders } from '../support/process/data-folder.js';
import { type Kelpied, startKelpied } from '../support/process/kelpied.js';
import { ownMemoryOf } from '../support/process/memory.js';

const RESTARTS = Number(process.env['SOAK_RESTARTS'] ?? 6);
/** The time from the return of all nodes to the next end. The test measures just before that end, always at this age. */
const PAUSE_MS = Number(process.env['SOAK_PAUSE_MS'] ?? 1000);

/** As many entries as come in a few seconds, so that the journal removes entries all the time. */
const RETENTION = 500;
const NODES = 3;
const PER_SECOND = 30;

/** The measures of one run of kelpied, shortly before its end. */
interface Life {
  readonly entries: number;
  /** The bytes of the data directory; `files` is the number of its files. */
  readonly disk: number;
  readonly files: number;
  /** The private memory of kelpied in bytes; `nodes` is that of the process with the nodes. */
  readonly kelpied: number;
  readonly nodes: number;
}

describe(`kelpied that starts again ${RESTARTS} times`, () => {
  afterEach(removeDataFolders);

  it('does not grow, and loses nothing', async () => {
    const data = dataFolder();
    const limits = ['--retention-entries', String(RETENTION), '--grace-seconds', '9'];
    const args = ['--journal', 'file', '--data', data, ...limits];
    let kelpied = await startKelpied(args);
    const { endpoint, port } = kelpied;
    const here = { endpoint, name: 'soak', network: NODES };
    const crowd = new Crowd({ ...here, nodes: NODES, perSecond: PER_SECOND });
    await crowd.ready();
    const handles = handlesOf(crowd, await crowd.settle());
    crowd.publish();
    const lives: Life[] = [];
    for (let restart = 1; restart <= RESTARTS; restart++) {
      await pass(PAUSE_MS);
      lives.push(await lookAt(kelpied, crowd, data));
      const startMs = performance.now();
      if (restart % 2 === 0) await kelpied.kill();
      else expect(await kelpied.stop()).to.equal(0);
      kelpied = await startKelpied([...args, '--port', String(port)]);
      await crowd.back();
      tell(restart, lives.at(-1), performance.now() - startMs);
      if (restart > 1 && restart < RESTARTS) continue;
      const { published, acknowledged, wrong } = await crowd.settle();
      expect(wrong, 'not in order, not once, a gap, a node that changed or left').to.deep.equal([]);
      expect(acknowledged).to.equal(published);
      await comesTo(handles, crowd);
      crowd.publish();
    }
    expectSteady(lives);
    await crowd.close();
    expect(await kelpied.stop()).to.equal(0);
  }).timeout(RESTARTS * (PAUSE_MS + 20_000));
});

async function lookAt(kelpied: Kelpied, crowd: Crowd, data: string): Promise<Life> {
  const api = await reachApi([kelpied.endpoint]);
  const { entries } = await api.coordinator.getInfo({});
  api.close();
  const { wrong } = await crowd.report();
  expect(wrong).to.be.empty;
  const sizes = readdirSync(data).map((name) => statSync(join(data, name)).size);
  const disk = sizes.reduce((sum, size) => sum + size, 0);
  return {
    ...{ entries, disk, files: sizes.length },
    kelpied: ownMemoryOf(kelpied.process.pid),
    nodes: ownMemoryOf(crowd.pid),
  };
}

function tell(restart: number, life: Life | undefined, awayMs: number): void {
  if (!life) return;
  const [kelpied, nodes] = [life.kelpied, life.nodes].map((bytes) => (bytes / 2 ** 20).toFixed(1));
  console.log(
    `      ${restart % 2 === 0 ? 'kill -9' : 'SIGTERM'} ${restart}: kelpied had ${kelpied} MiB, ` +
      `the nodes ${nodes} MiB, ${life.entries} entries in ${life.disk >> 10} KiB; ` +
      `all back after ${Math.round(awayMs)} ms`,
  );
}

/** The open files and sockets of the process with the nodes, and the resources for which its event loop waits. */
function handlesOf({ pid }: Crowd, { resources }: CrowdReport): string {
  const files = readdirSync(`/proc/${String(pid)}/fd`).length;
  return JSON.stringify({ files, ...resources, Immediate: undefined });
}

/** The sockets of ended streams take a moment to close, so the check repeats. */
async function comesTo(handles: string, crowd: Crowd): Promise<void> {
  const giveUpMs = performance.now() + 20_000;
  for (;;) {
    const now = handlesOf(crowd, await crowd.report());
    if (now === handles) return;
    if (performance.now() > giveUpMs) expect(now).to.equal(handles);
    await pass(50);
  }
}

function expectSteady(lives: readonly Life[]): void {
  const third = Math.ceil(lives.length / 3);
  const mean = (some: readonly Life[], of: keyof Life): number =>
    some.reduce((sum, life) => sum + life[of], 0) / some.length;
  for (const of of ['kelpied', 'nodes', 'disk', 'files'] as const) {
    const middle = mean(lives.slice(third, -third), of);
    expect(mean(lives.slice(-third), of), of).to.be.at.most(1.25 * middle);
  }
  expect(Math.max(...lives.map(({ entries }) => entries))).to.equal(RETENTION);
}
