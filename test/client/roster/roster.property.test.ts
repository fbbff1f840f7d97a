/**
 * The law of rosters, of real clients: streams break, and processes and coordinators stop in any way, and new histories
 * begin with lower or higher sequences. Once nothing changes any more, each roster has exactly the nodes of the table.
 */
import { expect } from 'chai';
import fc from 'fast-check';
import type { StartOption } from '../../../client/core/start.js';
import { type Node, nodeOf } from '../../../client/core/node.js';
import { faults, kind, weighed } from '../../support/model/sdk-steps.js';
import { NOTHING_LEFT, type Process, SdkWorld } from '../../support/model/sdk-world.js';
import { inSoak } from '../../support/soak.js';

const NODES = 3;
const PLACES = 2;

const node = fc.nat({ max: NODES - 1 });
const steps = fc.array(
  fc.oneof(
    weighed(4, { kind: kind('update'), node, label: fc.nat({ max: 9 }) }),
    weighed(2, { kind: kind('begin'), node }),
    weighed(2, { kind: kind('end'), node, crash: fc.boolean() }),
    weighed(2, { kind: kind('flood'), node, count: fc.nat({ max: 20 }) }),
    ...faults(PLACES),
  ),
  { minLength: 10, maxLength: 60, size: 'max' },
);
type Step = typeof steps extends fc.Arbitrary<(infer S)[]> ? S : never;

const settings = fc.record({
  retention: fc.constantFrom(15, 100_000),
  starts: fc.array(
    fc.constantFrom<StartOption>('SNAPSHOT', 'LATEST', 'EARLIEST', { sinceMs: 3_600_000 }),
    { minLength: NODES, maxLength: NODES },
  ),
});
type Settings = typeof settings extends fc.Arbitrary<infer S> ? S : never;

class Town {
  readonly #world: SdkWorld;
  readonly #starts: Settings['starts'];
  readonly #processes: (Process | undefined)[] = [];

  constructor(world: SdkWorld, starts: Settings['starts']) {
    this.#world = world;
    this.#starts = starts;
    for (let index = 0; index < NODES; index++) this.#begin(index);
  }

  #begin(index: number): void {
    const start = this.#starts[index] ?? 'SNAPSHOT';
    const options = { name: `node-${index}`, role: 'DOWNSTREAM', start } as const;
    this.#processes[index] = this.#world.connect(options);
  }

  #end(index: number, crash: boolean): void {
    const process = this.#processes[index];
    if (crash && process) this.#world.crash(process);
    else void process?.client.close();
    this.#processes[index] = undefined;
  }

  async take(one: Step): Promise<void> {
    switch (one.kind) {
      case 'update': {
        const change = { labels: { at: String(one.label) } };
        return void this.#processes[one.node]?.client.update(change).catch(() => undefined);
      }
      case 'begin':
        this.#end(one.node, true);
        this.#begin(one.node);
        return;
      case 'end':
        this.#end(one.node, one.crash);
        return;
      case 'flood':
        for (let count = 0; count < one.count; count++)
          this.#processes[one.node]?.client.publish('chat.global', 'x').catch(() => undefined);
        return;
      default:
        return this.#world.take(one);
    }
  }

  check(): number {
    const table = [...this.#world.town.nodeRows.nodes.entries()];
    const rows = table.map(([, { value }]) => shown(nodeOf(value)));
    // A process that began while the one before was ending may have been refused its name.
    const there = this.#processes
      .filter((process) => process?.statuses.at(-1)?.type !== 'closed')
      .flatMap((process) => process?.client.roster ?? []);
    for (const roster of there) {
      expect(roster.nodes().map(shown), 'a roster is the table').to.have.deep.members(rows);
      const stale = roster.nodes().filter(({ name }) => roster.isStale(name));
      expect(stale, 'all of it is known to be so').to.deep.equal([]);
    }
    return there.length;
  }
}

function shown({ name, labels, state, instanceId }: Node) {
  return { name, labels, state, instance: Buffer.from(instanceId).toString('hex') };
}

describe('the roster of real clients', () => {
  it('equals the table once nothing changes any more, also after new histories', async () => {
    const numRuns = inSoak(3000, 60);
    let rosters = 0;
    await fc.assert(
      fc.asyncProperty(steps, settings, async (plan, { retention, starts }) => {
        const world = await SdkWorld.open(PLACES, { retention: { entries: retention } });
        const town = new Town(world, starts);
        for (const one of plan) await town.take(one);
        await world.quiet();
        rosters += town.check();
        expect(await world.close()).to.deep.equal(NOTHING_LEFT);
      }),
      { numRuns },
    );
    expect(rosters, 'there were rosters').to.be.above(numRuns);
  }).timeout(inSoak(600_000, 60_000));
});
