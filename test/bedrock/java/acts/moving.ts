/** The act in which players are moved, with a context. */
import assert from 'node:assert/strict';
import { areListed, bot, type Stage } from './stage.js';

export async function move(stage: Stage): Promise<void> {
  const { network, narrator } = stage;
  narrator.act('Arrivals with a context');
  const [ana, cleo] = [bot(stage, 'Ana'), bot(stage, 'Cleo')];
  await narrator.expect(
    'Ana moves to arena: lobby saves first, and arena greets her with the context',
    async () => {
      const since = ana.seen.mark;
      const context = 'You are in the red team.';
      await network.radio.move({ name: 'Ana' }, { server: 'arena' }, { context });
      await ana.sees('Saved. Next stop: arena', since);
      await ana.spawns(since);
      return ana.sees('Welcome from lobby, Ana! You are in the red team.', since);
    },
    (greeting) => greeting,
  );
  await narrator.expect('arena refuses Ben because of the context, and Ben stays', async () => {
    const moving = network.radio.move(
      { name: 'Ben' },
      { server: 'arena' },
      { context: 'spectator' },
    );
    await assert.rejects(moving, { reason: 'REJECTED_BY_TARGET', message: /the round has begun/ });
  });
  await narrator.expect(
    'Ana moves on to hub: her client is sent to its address, and its plugin reads the context of the ticket',
    async () => {
      const since = ana.seen.mark;
      const moving = network.radio.move({ name: 'Ana' }, { proxy: 'hub' }, { context: 'Seat 7.' });
      assert.equal(await ana.isSentAway(since), network.ports.hub);
      await ana.spawns(ana.seen.mark - 1);
      await moving;
      return ana.sees('Welcome from arena, Ana! Seat 7.', since);
    },
    (greeting) => greeting,
  );
  await narrator.expect('Cleo leaves hub for the proxy, and lands on arena', async () => {
    const since = cleo.seen.mark;
    const moving = network.radio.move({ name: 'Cleo' }, { proxy: 'gate-1', server: 'arena' });
    assert.equal(await cleo.isSentAway(since), network.ports['gate-1']);
    await cleo.spawns(cleo.seen.mark - 1);
    await moving;
  });
  await areListed(stage, 'Ana by hub on hub', 'Ben by gate-1 on lobby', 'Cleo by gate-1 on arena');
}
