/** Moves from one coordinator to another, step by step. */
import { expect } from 'chai';
import { settled } from '../support/history.js';
import { SdkWorld } from '../support/sdk-world.js';

describe('a client that moves', () => {
  it('publishes what is not acknowledged on the new stream, not on the one that it leaves', async () => {
    const world = await SdkWorld.open(2);
    const { client } = world.connect({ name: 'lobby-1', role: 'DOWNSTREAM' });
    await world.flow();
    await client.ready();
    world.drain(0);
    await world.flow();
    let stored = 0;
    // On its way on the old stream when the new one is welcomed.
    void client.publish('chat.global', 'one').then(() => (stored += 1));
    world.clock.advance(1000);
    const [, next] = await world.streams(2);
    for (let round = 0; round < 5; round++) {
      next?.deliver('up');
      next?.deliver('down');
      await settled();
    }
    await world.pass(3000);
    expect(stored).to.equal(1);
    expect(await world.close()).to.deep.equal({ timers: 0, streams: 0, faults: [] });
  });
});
