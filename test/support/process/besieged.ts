/** A kelpied under abuse, and a well-behaved node beside it that must not notice the abuse. */
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { type Kelpied, startKelpied } from './kelpied.js';
import { ownMemoryOf } from './memory.js';
import { NodeProcess, type Report } from './node-process.js';
import { Wire } from '../wire/wire.js';

/** Longer than any step takes: a test that waits this long waits for a state that never comes. */
const CEILING_MS = 30_000;
const NEIGHBOUR = 'neighbour';

export class Besieged {
  readonly kelpied: Kelpied;
  /** A connection of the test itself. */
  readonly wire: Wire;
  readonly #neighbour: NodeProcess;
  #fault: string | undefined;

  private constructor(kelpied: Kelpied) {
    this.kelpied = kelpied;
    this.wire = new Wire(kelpied.endpoint);
    this.#neighbour = new NodeProcess(kelpied.endpoint, NEIGHBOUR);
    const died = (code: number | null): void => void (this.#fault = `kelpied died with ${code}`);
    kelpied.process.once('exit', died);
  }

  /**
   * A short retention, so that growing memory is not the memory of stored events. With a folder kelpied keeps all
   * events, in files.
   */
  static async start(folder?: string): Promise<Besieged> {
    const retention = ['--retention-bytes', String(8 * 1024 ** 2), '--retention-entries', '20000'];
    const args = ['--drain-seconds', '0', '--grace-seconds', '2', ...(folder ? [] : retention)];
    const besieged = new Besieged(await startKelpied(args, folder));
    await besieged.#neighbour.next('welcome');
    return besieged;
  }

  get endpoint(): string {
    return this.kelpied.endpoint;
  }

  get port(): number {
    return this.kelpied.port;
  }

  /** The private memory of kelpied in MiB. */
  memory(): number {
    return ownMemoryOf(this.kelpied.process.pid) / 1024 ** 2;
  }

  async sessions(): Promise<number> {
    return (await this.wire.call('CoordinatorService.GetInfo', {})).sessions;
  }

  /** The neighbour received all its own events, in order, and nothing else. */
  async report(): Promise<Report> {
    const report = await this.#neighbour.report();
    expect(this.#fault).to.equal(undefined);
    expect(report.wrong).to.deep.equal([]);
    expect(report.received).to.equal(report.published);
    return report;
  }

  /** Checks the report, and that no other session is left. */
  async unharmed(): Promise<Report> {
    const report = await this.report();
    // kelpied needs some time to notice a cut connection.
    await eventually(async () => (await this.sessions()) === 1, 'the sessions to be gone');
    return report;
  }

  /** Waits until only the neighbour's node is left. */
  async nobodyLeft(): Promise<void> {
    const names = async () => {
      const { nodes } = await this.wire.call('NodeService.ListNodes', {});
      return nodes.map(({ name }) => name).join();
    };
    await eventually(async () => (await names()) === NEIGHBOUR, 'the nodes to be gone');
  }

  async stop(): Promise<void> {
    const { code, reason } = await this.#neighbour.leave();
    expect({ code, reason }).to.deep.equal({ code: 0, reason: '' });
    await this.#neighbour.kill();
    this.wire.close();
    expect(await this.kelpied.stop()).to.equal(0);
  }
}

/** Polls until the condition holds, because no event announces it. */
async function eventually(holds: () => Promise<boolean>, what: string): Promise<void> {
  const giveUp = performance.now() + CEILING_MS;
  while (!(await holds())) {
    if (performance.now() > giveUp) throw new Error(`waited in vain for ${what}`);
    await pause(20);
  }
}
