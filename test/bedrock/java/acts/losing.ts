/** The acts in which the coordinator is lost, and servers stop. */
import assert from 'node:assert/strict';
import { SERVERS } from '../network.js';
import { areListed, bot, join, type Stage, unbroken } from './stage.js';

export async function loseCoordinator(stage: Stage): Promise<void> {
  const { network, narrator } = stage;
  narrator.act('The coordinator is killed, and comes back');
  const [ana, ben] = [bot(stage, 'Ana'), bot(stage, 'Ben')];
  const check = unbroken([...stage.bots.values()]);
  const marks = SERVERS.map((name) => ({ name, since: network.server(name).lines.mark }));
  const says = (words: string) =>
    Promise.all(
      marks.map(({ name, since }) =>
        network.server(name).lines.waitFor(words, (line) => line.includes(words), { since }),
      ),
    );
  const news = network.watch.news.mark;
  narrator.does('SIGKILL to the coordinator');
  await network.coordinator.stop('SIGKILL');
  await narrator.expect('the console of each server shows the loss', () =>
    says('no coordinator is connected'),
  );
  ben.say('is anybody there?');
  await narrator.expect('Dan joins hub meanwhile, and Ana reads their chat', async () => {
    await join(stage, 'Dan', 'hub');
    bot(stage, 'Dan').say('the door is open');
    await ana.sees('<Dan> the door is open');
  });
  await network.startCoordinator();
  await narrator.expect('each server comes back by itself', () => says('connected to'));
  await narrator.expect('Ana sees the line that Ben said meanwhile, once', async () => {
    await ana.sees('<Ben@lobby> is anybody there?');
    ben.say('now I hear you');
    await ana.sees('<Ben@lobby> now I hear you');
    assert.equal(ana.count('is anybody there?'), 1);
  });
  await narrator.expect('no node and no player left, and no connection broke', () => {
    assert.deepEqual(network.watch.leavesSince(news), []);
    check();
  });
  await areListed(
    stage,
    'Ana by hub on hub',
    'Ben by gate-1 on lobby',
    'Cleo by gate-1 on arena',
    'Dan by hub on hub',
  );
}

export async function goHome(stage: Stage): Promise<void> {
  const { network, narrator } = stage;
  narrator.act('Servers stop');
  const [ana, cleo] = [bot(stage, 'Ana'), bot(stage, 'Cleo')];
  const news = network.watch.news.mark;
  await narrator.expect(
    'somebody types stop on hub: its players see it, they leave, and hub says goodbye',
    async () => {
      const since = ana.seen.mark;
      network.server('hub').type('stop');
      assert.equal(await ana.isDisconnected(since), 'The server closes');
      const leaves = ['Ana left: QUIT', 'Dan left: QUIT', 'hub left: STOPPED'];
      await Promise.all(leaves.map((line) => network.watch.hears(line, news)));
      assert.equal(await network.server('hub').ended, 0, 'its exit code');
    },
  );
  await narrator.expect(
    'arena gets SIGTERM, by which Nukkit disables no plugin: it says goodbye all the same',
    async () => {
      await network.server('arena').stop('SIGTERM');
      await network.watch.hears('arena left: STOPPED', news);
      cleo.leave();
    },
  );
  await narrator.expect('an operator stops lobby from afar, and it says goodbye', async () => {
    await network.secrets.kelpie('run', 'lobby', 'stop');
    await network.watch.hears('lobby left: STOPPED', news);
    assert.equal(await network.server('lobby').ended, 0, 'its exit code');
  });
}
