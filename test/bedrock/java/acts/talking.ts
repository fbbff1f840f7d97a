/** The acts in which players talk, and an operator acts upon them. */
import assert from 'node:assert/strict';
import { areListed, bot, join, type Stage, unbroken } from './stage.js';
import { Bot } from '../bot.js';

export async function talk(stage: Stage): Promise<void> {
  const { network, narrator } = stage;
  narrator.act('Chat, and the console');
  const [ana, ben, cleo] = ['Ana', 'Ben', 'Cleo'].map((name) => bot(stage, name)) as [
    Bot,
    Bot,
    Bot,
  ];
  await narrator.expect(
    'Ana says a line on lobby: Ben sees it there, Cleo sees it on hub, and another node receives it',
    async () => {
      const startMs = performance.now();
      ana.say('hello out there');
      const [here, there] = await Promise.all([ben.sees('hello out'), cleo.sees('hello out')]);
      const tookMs = performance.now() - startMs;
      assert.deepEqual([here, there], ['<Ana> hello out there', '<Ana@lobby> hello out there']);
      await network.heard.waitFor('the line', (line) => line === 'Ana@lobby: hello out there');
      return tookMs;
    },
    (tookMs) => `${tookMs.toFixed(0)} ms`,
  );
  await narrator.expect('another node says a line: the players of all servers see it', async () => {
    await network.radio.publish('chat.global', 'good evening', { attributes: { player: 'DJ' } });
    const seen = await Promise.all([ana, ben, cleo].map((one) => one.sees('good evening')));
    assert.deepEqual(seen, Array(3).fill('<DJ@radio> good evening'));
  });
  await narrator.expect(
    '`kelpie run lobby list` prints what the console of lobby prints',
    async () => {
      const output = await network.secrets.kelpie('run', 'lobby', 'list');
      assert.match(output, /There are 2\/20 players online/);
      assert.match(output, /Ana, Ben|Ben, Ana/);
      return output.trim().split('\n').join(' ');
    },
    (output) => output,
  );
  await narrator.expect('a line of the console acts upon a player: Ben sees it', async () => {
    await network.secrets.kelpie('run', 'lobby', 'tell Ben psst');
    await ben.sees('psst');
  });
  await narrator.expect('another plugin of lobby answers a command of its own', async () => {
    const reply = await network.radio.call({ node: 'lobby' }, 'who', {});
    assert.deepEqual(reply, { players: ['Ana', 'Ben'] });
  });
  await narrator.expect('`kelpie say` shows Cleo a title on hub', async () => {
    await network.secrets.kelpie(
      'say',
      '--player',
      'Cleo',
      '--title',
      'Fair',
      '--subtitle',
      'today',
    );
    await Promise.all([cleo.isShown('set_title Fair'), cleo.isShown('set_subtitle today')]);
  });
}

export async function guardTheDoor(stage: Stage): Promise<void> {
  const { network, narrator } = stage;
  narrator.act('Kicks, and logging in twice');
  for (const [name, at] of [
    ['Ben', 'gate-1'],
    ['Cleo', 'hub'],
  ] as const) {
    await narrator.expect(
      `an operator kicks ${name} from ${at}: their client shows the reason, and the network reports it`,
      async () => {
        const kicked = bot(stage, name);
        const [since, news] = [kicked.seen.mark, network.watch.news.mark];
        await network.secrets.kelpie('kick', name, '--message', 'Mind your language.');
        assert.equal(await kicked.isDisconnected(since), 'Mind your language.');
        await network.watch.hears(`${name} left: KICKED`, news);
        kicked.leave();
        await join(stage, name, at);
      },
    );
  }
  const check = unbroken([...stage.bots.values()]);
  await refuses(stage, 'Ana', 'hub', 'Ana plays behind the proxy: hub refuses a second Ana');
  await refuses(stage, 'Cleo', 'gate-1', 'Cleo is on hub: the proxy refuses a second Cleo');
  await refuses(stage, 'Cleo', 'hub', 'Cleo is on hub: hub itself refuses a second Cleo');
  await narrator.expect('those who were there first play on', check);
  await areListed(stage, 'Ana by gate-1 on lobby', 'Ben by gate-1 on lobby', 'Cleo by hub on hub');
}

async function refuses(
  { network, narrator }: Stage,
  name: string,
  at: 'hub' | 'gate-1',
  claim: string,
): Promise<void> {
  await narrator.expect(
    claim,
    async () => {
      const text = await new Bot(name, network.ports[at]).refusal();
      assert.match(text, /already/);
      return text;
    },
    (text) => text,
  );
}
