import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { NodeLeaveReason } from '../../../gen/ts/kelpie/v1/event.js';
import { Node, NodeChange, NodeRole, NodeState } from '../../../gen/ts/kelpie/v1/node.js';
import { WelcomeOutcome } from '../../../gen/ts/kelpie/v1/session_service.js';
import { Listeners } from '../../../server/core/listeners.js';
import { Losses, type Verdicts } from '../../../server/nodes/grace.js';
import { defaultTimes } from '../../../server/network/limits.js';
import { FakeClock } from '../../support/clock/fake-clock.js';
import { hello, join, openJournal, openMortal } from '../../support/model/coordinator.js';
import { bodiesOf, settled } from '../../support/journal/history.js';

const GRACE_MS = defaultTimes.graceMs;
/** By then a node of a former coordinator is back, if it lives. */
const BACK_MS = (GRACE_MS * 2) / 3;

describe('losses', () => {
  function watched(verdicts: Partial<Verdicts> = {}) {
    const clock = new FakeClock();
    const said: string[] = [];
    const faults: unknown[] = [];
    const cuts = new Listeners<[boolean, unknown]>();
    const members = { cutOff: false, onCutOff: cuts.add.bind(cuts) };
    const setCutOff = (cutOff: boolean): void => {
      members.cutOff = cutOff;
      cuts.tell(cutOff, undefined);
    };
    const onFault = (fault: unknown): void => void faults.push(fault);
    const options = { clock, times: defaultTimes, onFault, members };
    const losses = new Losses(options, {
      unreachable: async (name, generation) => said.push(`${name} ${generation} unreachable`),
      lost: async (name, generation) => said.push(`${name} ${generation} lost`),
      ...verdicts,
    });
    return { clock, said, faults, losses, setCutOff };
  }

  it('makes a node UNREACHABLE after a second and LOST after the grace if this coordinator saw the loss', () => {
    const { clock, said, losses } = watched();
    losses.seen('lobby-1', 7);
    clock.advance(999);
    expect(said).to.be.empty;
    clock.advance(1);
    expect(said).to.deep.equal(['lobby-1 7 unreachable']);
    clock.advance(GRACE_MS - 1001);
    expect(said).to.have.length(1);
    clock.advance(1);
    expect(said).to.deep.equal(['lobby-1 7 unreachable', 'lobby-1 7 lost']);
    expect(losses.size).to.equal(0);
  });

  it('makes a node of a former coordinator UNREACHABLE when it should be back, and LOST after the grace', () => {
    const { clock, said, losses } = watched();
    losses.inherited('lobby-1', 7);
    clock.advance(BACK_MS - 1);
    expect(said).to.be.empty;
    clock.advance(1);
    expect(said).to.deep.equal(['lobby-1 7 unreachable']);
    clock.advance(GRACE_MS - BACK_MS - 1);
    expect(said).to.have.length(1);
    clock.advance(1);
    expect(said).to.deep.equal(['lobby-1 7 unreachable', 'lobby-1 7 lost']);
  });

  it('says nothing while this coordinator is cut off, and gives all the whole grace afterwards', () => {
    const { clock, said, losses, setCutOff } = watched();
    losses.seen('lobby-1', 7);
    losses.inherited('lobby-2', 8);
    setCutOff(true);
    clock.advance(10 * GRACE_MS);
    expect(said).to.be.empty;
    setCutOff(false);
    clock.advance(BACK_MS - 1);
    expect(said).to.be.empty;
    losses.forget('lobby-2');
    clock.advance(GRACE_MS);
    expect(said).to.deep.equal(['lobby-1 7 unreachable', 'lobby-1 7 lost']);
    losses.close();
    expect(clock.pending).to.equal(0);
  });

  it('has one timer for each node, of its newest loss', () => {
    const { clock, said, losses } = watched();
    losses.inherited('lobby-1', 7);
    clock.advance(BACK_MS - 1);
    losses.seen('lobby-1', 8);
    expect(losses.size).to.equal(1);
    expect(clock.pending).to.equal(1);
    clock.advance(GRACE_MS - 1);
    expect(said).to.deep.equal(['lobby-1 8 unreachable']);
    losses.forget('lobby-1');
    expect([losses.size, clock.pending]).to.deep.equal([0, 0]);
  });

  it('tries LOST again if the write failed', async () => {
    let attempts = 0;
    const lost = async () => {
      if (++attempts === 1) throw new Error('the journal is away');
    };
    const { clock, faults, losses } = watched({ lost });
    losses.inherited('lobby-1', 7);
    clock.advance(GRACE_MS);
    await settled();
    expect(faults).to.have.length(1);
    clock.advance(1000);
    await settled();
    expect([attempts, losses.size]).to.deep.equal([2, 0]);
  });

  it('sets no timer after it is closed', async () => {
    const lost = () => Promise.reject(new Error('the journal is away'));
    const { clock, losses } = watched({ lost });
    losses.inherited('lobby-1', 7);
    clock.advance(GRACE_MS);
    losses.close();
    await settled();
    losses.seen('lobby-2', 8);
    expect([losses.size, clock.pending]).to.deep.equal([0, 0]);
  });
});

describe('a coordinator on a journal that another one wrote', () => {
  async function left(state: NodeState) {
    const clock = new FakeClock();
    const journal = openJournal(clock);
    const first = hello('lobby-1');
    const former = await openMortal(journal, clock, { coordinatorId: 'former' });
    const { stream } = await join(former, first);
    if (state === NodeState.UNREACHABLE) {
      await stream.cut();
      clock.advance(1000);
      await settled();
    } else await former.claims.update('lobby-1', NodeChange.create({ state }));
    former.die();
    clock.advance(60_000);
    const bodies = bodiesOf(journal);
    const town = await openMortal(journal, clock, { coordinatorId: 'latter' });
    const now = () => town.nodeRows.nodes.get('lobby-1')?.value.state;
    return { clock, first, bodies, town, now };
  }

  for (const [name, state] of Object.entries(NodeState)) {
    if (state === NodeState.UNSPECIFIED) continue;
    it(`keeps a node ${name} until it should be back, then it is UNREACHABLE, then LOST`, async () => {
      const { clock, bodies, town, now } = await left(state);
      expect(town.claims.losses).to.equal(1);
      clock.advance(BACK_MS - 1);
      await settled();
      expect(now()).to.equal(state);
      expect(bodies).to.be.empty;
      clock.advance(1);
      await settled();
      expect(now()).to.equal(NodeState.UNREACHABLE);
      expect(bodies.splice(0)).to.have.length(state === NodeState.UNREACHABLE ? 0 : 1);
      clock.advance(GRACE_MS - BACK_MS - 1);
      await settled();
      expect(now()).to.equal(NodeState.UNREACHABLE);
      clock.advance(1);
      await settled();
      expect(now()).to.equal(undefined);
      expect(town.nodeRows.owners.size).to.equal(0);
      expect(bodies.map((body) => body.$case === 'nodeLeft' && body.value.reason)).to.deep.equal([
        NodeLeaveReason.LOST,
      ]);
      expect(town.claims.losses).to.equal(0);
    });
  }

  it('stores no event about a node that comes back', async () => {
    const { clock, first, bodies, town } = await left(NodeState.READY);
    clock.advance(BACK_MS - 1);
    const { stream, welcome } = await join(town, first);
    expect(welcome.outcome).to.equal(WelcomeOutcome.RESUMED);
    expect(town.claims.losses).to.equal(0);
    clock.advance(1);
    await settled();
    expect(bodies).to.be.empty;
    await stream.cut();
    town.claims.close();
    expect(town.claims.losses).to.equal(0);
  });

  it('ends only the generation that it found', async () => {
    const { clock, bodies, town } = await left(NodeState.READY);
    clock.advance(BACK_MS - 1);
    // Another coordinator wrote this: this one has no session of the node, and its timer still runs.
    const node = Node.create({
      name: 'lobby-1',
      instanceId: randomBytes(16),
      role: NodeRole.DOWNSTREAM,
    });
    const { nodeRows } = town;
    const owner = nodeRows.owners.get('lobby-1');
    if (!owner) throw new Error('nobody owns the node');
    const row = { ...owner.value, coordinatorId: 'third', instanceId: node.instanceId };
    await town.network.commit({ entries: [nodeRows.ownerDraft('lobby-1', row)] });
    clock.advance(GRACE_MS - BACK_MS + 1);
    await settled();
    expect(bodies).to.be.empty;
    expect(town.claims.losses, 'no timer is left for a node of another coordinator').to.equal(0);
  });
});

describe('a change of a node that races', () => {
  it('stays when the node becomes UNREACHABLE or comes back', async () => {
    const clock = new FakeClock();
    const town = await openMortal(openJournal(clock), clock, { turns: () => 3 });
    const first = hello('lobby-1');
    const { stream } = await join(town, first);
    await stream.cut();
    const set = (label: string) =>
      town.claims.update('lobby-1', NodeChange.create({ labels: { [label]: 'set' } }));
    const early = set('early');
    clock.advance(1000);
    await early;
    await settled(20);
    const known = () => town.nodeRows.nodes.get('lobby-1')?.value;
    expect(known()?.state).to.equal(NodeState.UNREACHABLE);
    const late = set('late');
    await join(town, first);
    await late;
    expect(known()?.state).to.equal(NodeState.READY);
    expect(known()?.labels).to.deep.equal({ early: 'set', late: 'set' });
  });
});
