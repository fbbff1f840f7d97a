/** A roster counts the reserved slots of servers when it picks. */
import { expect } from 'chai';
import { Roster } from '../../../client/roster/roster.js';
import { Event, NodeLeaveReason } from '../../../gen/ts/kelpie/v1/event.js';
import { Node, NodeLoad, NodeRole, NodeState } from '../../../gen/ts/kelpie/v1/node.js';
import { NamedLoad } from '../../../gen/ts/kelpie/v1/session_service.js';
import { Gap, GapReason } from '../../../gen/ts/kelpie/v1/stream.js';

function lobby(instance = 1, partial: Partial<Node> = {}): Node {
  const instanceId = Buffer.alloc(16, instance);
  const place = { role: NodeRole.DOWNSTREAM, state: NodeState.READY, maxPlayers: 2 };
  return Node.create({ name: 'lobby', displayName: 'lobby', instanceId, ...place, ...partial });
}

const load = { ...NodeLoad.create(), tps: 20 };

function reserved(reservedSlots: number): NamedLoad {
  return NamedLoad.create({ name: 'lobby', reservedSlots });
}

describe('the reserved slots in a roster', () => {
  let roster: Roster;
  let sequence = 0;
  const apply = (body: NonNullable<Event['body']>): void => {
    roster.applyEvent({ ...Event.create({ sequence: ++sequence, topic: 'nodes.lobby' }), body });
  };
  const join = (value: Node): void => apply({ $case: 'nodeJoined', value: { node: value } });
  const update = (value: Node): void => apply({ $case: 'nodeUpdated', value: { node: value } });
  const leave = (node: Node): void =>
    apply({ $case: 'nodeLeft', value: { node, reason: NodeLeaveReason.STOPPED } });
  const picked = () => roster.pick({ for: 'join', player: { xuid: '1' } })?.server;

  beforeEach(() => {
    roster = new Roster({ players: true });
    sequence = 0;
  });
  afterEach(() => roster.close());

  it('count as players, from a frame before the row of the node on', () => {
    roster.applyLoads([reserved(2)]);
    join(lobby());
    expect(picked()).to.equal(undefined);
    roster.applyLoads([reserved(1)]);
    expect(picked()).to.equal('lobby');
    roster.applyLoads([reserved(2)]);
    update(lobby(1, { labels: { mode: 'hub' } }));
    expect(picked(), 'after a change of the node').to.equal(undefined);
    update(lobby(1, { labels: { mode: 'hub' }, maxPlayers: 3 }));
    expect(picked()).to.equal('lobby');
  });

  it('and the load stay, each without news of the other', () => {
    join(lobby());
    roster.applyLoads([{ ...reserved(2), load }]);
    roster.applyLoads([NamedLoad.create({ name: 'lobby', load: { ...load, tps: 19 } })]);
    expect([picked(), roster.load('lobby')?.tps]).to.deep.equal([undefined, 19]);
    roster.applyLoads([reserved(0)]);
    expect([picked(), roster.load('lobby')?.tps]).to.deep.equal(['lobby', 19]);
  });

  it('end with the node, its process, or the history', () => {
    const ends: (() => void)[] = [
      () => {
        leave(lobby());
        join(lobby());
      },
      () => update(lobby(2)),
      () => roster.applyGap(Gap.create({ reason: GapReason.EPOCH_CHANGED })),
    ];
    join(lobby());
    for (const end of ends) {
      roster.applyLoads([reserved(2)]);
      expect(picked()).to.equal(undefined);
      end();
      expect(picked()).to.equal('lobby');
    }
  });
});
