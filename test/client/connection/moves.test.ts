/** Moves from one coordinator to another, step by step. */
import { expect } from 'chai';
import { settled } from '../../support/journal/history.js';
import { NOTHING_LEFT, SdkWorld } from '../../support/model/sdk-world.js';

/** A client whose coordinator sent Drain, and that is about to open another stream. */
async function draining(places = 3) {
  const world = await SdkWorld.open(places);
  const process = world.connect({ name: 'lobby-1', role: 'DOWNSTREAM' });
  await world.flow();
  await process.client.ready();
  world.drain(0);
  await world.flow();
  return { world, ...process };
}

describe('a client that moves', () => {
  it('has one stream when its coordinator dies, and then the next one before its Welcome', async () => {
    const { world, statuses } = await draining(3);
    world.clock.advance(1000);
    await world.streams(2);
    world.kill(0);
    await settled(20);
    world.kill(1);
    await world.quiet();
    expect(world.wire.streams.filter(({ held }) => held)).to.have.lengthOf(1);
    const reasons = statuses.flatMap((one) =>
      one.type === 'disconnected' ? one.error?.reason : [],
    );
    expect(reasons, 'none of its streams replaced another').to.not.include('SESSION_REPLACED');
    const connected = statuses.filter(({ type }) => type === 'connected');
    expect(connected).to.have.lengthOf(2);
    expect(await world.close()).to.deep.equal(NOTHING_LEFT);
  });

  it('opens one stream when its coordinator asks for it twice', async () => {
    const { world } = await draining(3);
    void world.coordinatorAt(0)?.drain();
    await world.flow();
    world.clock.advance(1000);
    await settled(20);
    expect(world.wire.streams).to.have.lengthOf(2);
    await world.quiet();
    expect(await world.close()).to.deep.equal(NOTHING_LEFT);
  });

  it('leaves at once when it is closed during the move', async () => {
    const { world, client } = await draining(2);
    world.clock.advance(1000);
    const [, next] = await world.streams(2);
    // The coordinator has its Hello, and the Welcome is on its way back.
    next?.deliver('up');
    await settled(20);
    const closed = client.close();
    await world.flow();
    await world.pass(1000);
    await closed;
    expect(world.town.nodeRows.nodes.get('lobby-1')).to.equal(undefined);
    expect(await world.close()).to.deep.equal(NOTHING_LEFT);
  });

  it('sends publishes without an acknowledgement on the new stream, not on the one that it leaves', async () => {
    const { world, client } = await draining(2);
    let stored = 0;
    // This publish is on its way on the old stream at the Welcome of the new one.
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
    expect(await world.close()).to.deep.equal(NOTHING_LEFT);
  });
});
