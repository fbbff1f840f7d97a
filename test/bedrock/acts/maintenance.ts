/** The act in which only the staff gets in. */
import assert from 'node:assert/strict';
import { travel } from './moving.js';
import { allSaw, areListed, kelpie, type Stage, Unbroken } from './stage.js';

const MESSAGE = 'We are back at six.';

export async function maintain(stage: Stage): Promise<void> {
  const { network, party, narrator } = stage;
  narrator.act('Maintenance');
  const present = party.bots;
  const unbroken = new Unbroken(present);
  narrator.does('kelpie maintenance on, for Wes of the staff');
  await kelpie(network, 'maintenance', 'on', '--message', MESSAGE, '--allow', 'Wes');
  await narrator.expect(
    'Xia’s client shows the message of the operator, at both proxies',
    async () => {
      assert.equal(await party.refusal('gate-1', 'Xia'), MESSAGE);
      assert.equal(await party.refusal('gate-2', 'Xia'), MESSAGE);
    },
    () => MESSAGE,
  );
  await narrator.expect(
    'Wes gets in, and the players who were there stay',
    async () => {
      const wes = await party.joinBy('gate-1', 'Wes');
      wes.say('is it done?');
      await allSaw(present, 'is it done?');
      unbroken.check();
      return wes;
    },
    ({ server }) => server,
  );
  // Their login at the other proxy belongs to a presence that began before.
  const bot = party.one('lobby', 'gate-2');
  await travel(stage, { bot, proxy: 'gate-1', server: 'survival' });
  unbroken.check();
  narrator.does('kelpie maintenance off');
  await kelpie(network, 'maintenance', 'off');
  await narrator.expect(
    'Xia gets in',
    () => party.joinBy('gate-2', 'Xia'),
    ({ server }) => server,
  );
  await areListed(stage);
}
