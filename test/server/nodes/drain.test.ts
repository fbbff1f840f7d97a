import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { NodeChange, NodeRole, NodeState } from '../../../gen/ts/kelpie/v1/node.js';
import { DrainNodeRequest } from '../../../gen/ts/kelpie/v1/node_service.js';
import { KelpieError } from '../../../server/core/errors.js';
import { FakeClock } from '../../support/clock/fake-clock.js';
import { bodiesOf, settled } from '../../support/journal/history.js';
import {
  hello,
  join,
  openCoordinator,
  openJournal,
  openMortal,
  type TestCoordinator,
} from '../../support/model/coordinator.js';
import { rejectionOf } from '../../support/thrown.js';
import { until } from '../../support/until.js';

const { READY, DRAINING, MAINTENANCE, STARTING, UNREACHABLE, UNSPECIFIED } = NodeState;

type Town = Pick<TestCoordinator, 'nodeRows' | 'claims'>;

const drain = ({ claims }: Town, name: string) =>
  claims.drains.begin(DrainNodeRequest.create({ name }));

/** The state that others see, the state that the node gets back, and whether an operator drains it. */
function statesOf({ nodeRows }: Town, name = 'lobby-1') {
  const node = nodeRows.nodes.get(name)?.value;
  return node && [node.state, node.lastState, node.drained];
}

const update = ({ claims }: Town, state: NodeState) =>
  claims.update('lobby-1', { ...NodeChange.create(), state });

describe('a node that an operator drains', () => {
  it('is DRAINING at once; a change of its state waits until the operator cancels', async () => {
    const town = await openCoordinator();
    const { stream } = await join(town, hello('Lobby-1', { state: STARTING }));
    await drain(town, 'LOBBY-1');
    expect(statesOf(town)).to.deep.equal([DRAINING, STARTING, true]);
    await update(town, READY);
    expect(statesOf(town)).to.deep.equal([DRAINING, READY, true]);
    const change = { ...NodeChange.create(), state: MAINTENANCE };
    stream.send({ $case: 'updateOwnNode', value: { change } });
    await until(() => statesOf(town)?.[1] === MAINTENANCE);
    const head = town.journal.head.sequence;
    await drain(town, 'lobby-1');
    expect(town.journal.head.sequence, 'a second drain is no event').to.equal(head + 1);
    const node = await town.claims.drains.cancel('Lobby-1');
    expect(node?.name).to.equal('lobby-1');
    expect(statesOf(town)).to.deep.equal([MAINTENANCE, UNSPECIFIED, false]);
  });

  it('is UNREACHABLE while its stream is lost, and drained or not when it is back', async () => {
    for (const cancelled of [false, true]) {
      const town = await openCoordinator();
      const facts = hello('lobby-1', { state: MAINTENANCE });
      const { stream } = await join(town, facts);
      await drain(town, 'lobby-1');
      await stream.cut();
      town.clock.advance(1000);
      await until(() => statesOf(town)?.[0] === UNREACHABLE);
      expect(statesOf(town)).to.deep.equal([UNREACHABLE, MAINTENANCE, true]);
      await update(town, READY);
      if (cancelled) await town.claims.drains.cancel('lobby-1');
      expect(statesOf(town)).to.deep.equal([UNREACHABLE, READY, !cancelled]);
      await join(town, facts);
      expect(statesOf(town)).to.deep.equal(
        cancelled ? [READY, UNSPECIFIED, false] : [DRAINING, READY, true],
      );
    }
  });

  it('stays drained when it was lost while nobody drained it', async () => {
    const town = await openCoordinator();
    const { stream } = await join(town, hello('lobby-1'));
    await stream.cut();
    town.clock.advance(1000);
    await until(() => statesOf(town)?.[0] === UNREACHABLE);
    await drain(town, 'lobby-1');
    expect(statesOf(town)).to.deep.equal([UNREACHABLE, READY, true]);
  });

  it('leaves its drain to the next process, from its NodeJoined on, also after a restart of the coordinator', async () => {
    const clock = new FakeClock();
    const journal = openJournal(clock);
    const first = await openMortal(journal, clock, { coordinatorId: 'first' });
    await join(first, hello('lobby-1'));
    await drain(first, 'lobby-1');
    await first.claims.disconnect('lobby-1');
    expect(statesOf(first)).to.equal(undefined);
    first.die();
    const town = await openMortal(journal, clock, { coordinatorId: 'second' });
    const bodies = bodiesOf(journal);
    await join(town, hello('lobby-1', { state: STARTING, instanceId: randomBytes(16) }));
    const [joined] = bodies;
    const node = joined?.$case === 'nodeJoined' ? joined.value.node : undefined;
    expect([node?.state, node?.lastState, node?.drained]).to.deep.equal([DRAINING, STARTING, true]);
    await town.claims.disconnect('lobby-1');
    expect(await town.claims.drains.cancel('lobby-1'), 'a drain without a node').to.equal(
      undefined,
    );
    await join(town, hello('lobby-1'));
    expect(statesOf(town)).to.deep.equal([READY, UNSPECIFIED, false]);
    town.die();
  });

  it('is drained exactly if its row says so, whichever of claim, drain and cancel comes first', async () => {
    for (const turns of [0, 1, 2, 3]) {
      for (const lead of [-3, -2, -1, 0, 1, 2, 3]) {
        const clock = new FakeClock();
        const journal = openJournal(clock);
        const town = await openMortal(journal, clock, { turns: () => turns });
        const other = await openMortal(journal, clock, { coordinatorId: 'other' });
        const { stream } = await join(town, hello('lobby-1'));
        await drain(other, 'lobby-1');
        await other.claims.disconnect('lobby-1');
        await stream.ended();
        await settled(Math.max(0, -lead));
        const joining = join(town, hello('lobby-1'));
        await settled(Math.max(0, lead));
        await other.claims.drains.cancel('lobby-1');
        await joining;
        await settled(20);
        const order = `writes of ${turns} turns, ${lead} turns between`;
        expect(statesOf(town), order).to.deep.equal([READY, UNSPECIFIED, false]);
        town.die();
        other.die();
      }
    }
  });
});

describe('a request to drain a node', () => {
  it('is refused for no node and for a service, and a cancel for neither node nor drain', async () => {
    const town = await openCoordinator();
    await join(town, hello('shop', { role: NodeRole.SERVICE }));
    await join(town, hello('lobby-1'));
    const head = town.journal.head.sequence;
    const refused = await Promise.all(
      [
        drain(town, 'lobby-2'),
        drain(town, ''),
        drain(town, 'shop'),
        town.claims.drains.cancel('lobby-2'),
      ].map((work) => rejectionOf(KelpieError, work)),
    );
    expect(refused.map(({ reason }) => reason)).to.deep.equal([
      ...['NODE_NOT_FOUND', 'NODE_NOT_FOUND'],
      ...['ROLE_HOLDS_NO_PLAYERS', 'NODE_NOT_FOUND'],
    ]);
    await town.claims.drains.cancel('lobby-1');
    expect(town.journal.head.sequence, 'no drain to cancel: no event').to.equal(head);
  });

  it('is refused for node number 1001, until a drain is cancelled', async () => {
    const town = await openCoordinator();
    const names = Array.from({ length: 1001 }, (_, index) => `server-${index}`);
    for (const name of names) await join(town, hello(name));
    const outcomes = await Promise.allSettled(names.map((name) => drain(town, name)));
    const refused = outcomes.flatMap((one) =>
      one.status === 'rejected' ? [(one.reason as KelpieError).reason] : [],
    );
    expect(refused).to.deep.equal(['TRANSFER_LIMIT']);
    expect(town.nodeRows.drains.size).to.equal(1000);
    await drain(town, 'server-0');
    await town.claims.drains.cancel('server-0');
    await drain(town, 'server-1000');
  });
});
