/**
 * The law of rosters: at rest a client's roster equals the table, also after its stream was cut in the middle of
 * a Snapshot, was overtaken by retention, or both.
 */
import { expect } from 'chai';
import fc from 'fast-check';
import { NodeLeaveReason } from '../../../gen/ts/kelpie/v1/event.js';
import { Node, NodeRole } from '../../../gen/ts/kelpie/v1/node.js';
import { note } from '../../support/journal/entries.js';
import { Follower } from '../../support/model/follower.js';
import { openCoordinator, type TestCoordinator } from '../../support/model/coordinator.js';

/** Enough nodes for a Snapshot in three parts. */
const BOTS = 600;

async function put(town: TestCoordinator, index: number, label: number | undefined): Promise<void> {
  const { nodeRows } = town;
  const name = `bot-${index}`;
  const known = nodeRows.nodes.get(name)?.value;
  const row = Node.create({ name, role: NodeRole.SERVICE, labels: { label: String(label) } });
  const time = new Date(0);
  if (label === undefined && !known) return;
  const body =
    label === undefined
      ? ({ $case: 'nodeLeft', value: { node: known, reason: NodeLeaveReason.LOST } } as const)
      : known
        ? ({ $case: 'nodeUpdated', value: { node: row } } as const)
        : ({ $case: 'nodeJoined', value: { node: row } } as const);
  const value = label === undefined ? null : row;
  await town.network.commit({ entries: [nodeRows.nodeDraft(name, time, body, value)] });
}

const bot = fc.nat({ max: BOTS - 1 });
const kind = <K extends string>(one: K) => fc.constant(one);
const steps = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.record({ kind: kind('put'), bot, label: fc.nat({ max: 9 }) }) },
    { weight: 2, arbitrary: fc.record({ kind: kind('leave'), bot }) },
    { weight: 2, arbitrary: fc.record({ kind: kind('flood'), count: fc.nat({ max: 60 }) }) },
    { weight: 4, arbitrary: fc.record({ kind: kind('read'), messages: fc.nat({ max: 3 }) }) },
    { weight: 2, arbitrary: fc.record({ kind: kind('cut') }) },
  ),
  { minLength: 10, maxLength: 50 },
);

describe('a roster', () => {
  it('equals the table at rest, also after a gap and half a snapshot', async () => {
    let gaps = 0;
    let parts = 0;
    await fc.assert(
      fc.asyncProperty(steps, fc.integer({ min: 5, max: 40 }), async (plan, entries) => {
        const tail = { entries: 5, bytes: 2 ** 20 };
        const town = await openCoordinator({ retention: { entries }, tail });
        for (let index = 0; index < BOTS; index++) await put(town, index, 0);
        const follower = new Follower();
        follower.open(town.port);
        for (const step of plan) {
          if (step.kind === 'put') await put(town, step.bot, step.label);
          if (step.kind === 'leave') await put(town, step.bot, undefined);
          if (step.kind === 'read') await follower.read(step.messages);
          if (step.kind === 'flood') {
            const drafts = Array.from({ length: step.count }, () => note('x'));
            await town.network.commit({ entries: drafts });
          }
          if (step.kind === 'cut') {
            await follower.cut();
            follower.open(town.port);
          }
        }
        while (await follower.read(100));
        const table = [...town.nodeRows.nodes.entries()].map(([, { value }]) => value);
        const shown = (nodes: readonly Pick<Node, 'name' | 'labels'>[]) =>
          nodes.map(({ name, labels }) => `${name} ${labels['label'] ?? ''}`).sort();
        expect(shown(follower.roster.nodes())).to.deep.equal(shown(table));
        expect(town.faults).to.be.empty;
        gaps += follower.gaps;
        parts += follower.parts;
        await follower.cut();
        follower.roster.close();
      }),
      { numRuns: 100 },
    );
    expect(gaps, 'gaps were tested').to.be.above(20);
    expect(parts, 'snapshots in parts were tested').to.be.above(300);
  }).timeout(120_000);
});
