/** The client's own node as other nodes see it, over reconnects. */
import { expect } from 'chai';
import { NodeChange, NodeState } from '../../../gen/ts/kelpie/v1/node.js';
import { NOTHING_LEFT, SdkWorld } from '../../support/model/sdk-world.js';

describe("a client's own node", () => {
  it('keeps the labels and the state that an operator set, also over an earlier change of the process and a new stream', async () => {
    const world = await SdkWorld.open();
    const options = { name: 'lobby-1', role: 'DOWNSTREAM', labels: { mode: 'lobby' } } as const;
    const { client } = world.connect(options);
    await world.flow();
    const updated = client.update({ labels: { arena: '3' }, state: 'DRAINING' });
    await world.flow();
    await updated;
    client.handle('shop.open', () => undefined);
    await world.flow();
    const set = { labels: { mode: 'event' }, removedLabels: ['arena'] };
    const state = NodeState.MAINTENANCE;
    await world.town.claims.update('lobby-1', { ...NodeChange.create({ state }), ...set });
    for (const cut of ['both', 'client', 'server'] as const) {
      for (const stream of world.wire.streams) stream.cut(cut);
      await world.pass(20_000);
      expect(world.town.nodeRows.nodes.get('lobby-1')?.value).to.deep.include({
        ...{ state, labels: { mode: 'event' }, commands: ['shop.open'] },
      });
    }
    // The next Hello has the changes that the process made while no coordinator answered.
    for (const stream of world.wire.streams) stream.cut('both');
    client.handle('shop.close', () => undefined);
    await world.pass(20_000);
    expect(world.town.nodeRows.nodes.get('lobby-1')?.value).to.deep.include({
      ...{ state, labels: { mode: 'event' }, commands: ['shop.close', 'shop.open'] },
    });
    expect(await world.close()).to.deep.equal(NOTHING_LEFT);
  });
});
