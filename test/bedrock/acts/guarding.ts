/** The act in which the proxies disconnect players and refuse logins. */
import assert from 'node:assert/strict';
import { allSaw, areListed, kelpie, type Stage, Unbroken } from './stage.js';

export async function guardTheDoor(stage: Stage): Promise<void> {
  stage.narrator.act('A kick, and one account on both proxies');
  await kick(stage);
  await logInTwice(stage);
  await areListed(stage);
}

async function kick({ network, party, narrator }: Stage): Promise<void> {
  const rude = party.one('bedwars', 'gate-1');
  const others = party.bots.filter((bot) => bot !== rude);
  const unbroken = new Unbroken(others);
  const since = rude.seen.mark;
  const newsSince = network.watch.news.mark;
  const message = 'Mind your language.';
  narrator.does(`an operator kicks ${rude.name}`);
  await network.ask((api) => api.players.kick({ player: { name: rude.name } }, message));
  await narrator.expect(
    `the client of ${rude.name} shows the reason`,
    async () => assert.equal(await rude.waitForDisconnect(since), message),
    () => message,
  );
  await narrator.expect('all nodes receive the event that the player left: KICKED', async () => {
    await network.watch.hears(`${rude.name} left: KICKED`, newsSince);
    assert.equal(network.watch.leavesSince(newsSince).length, 1);
  });
  await narrator.expect(
    '`kelpie audit` names the operator who kicked',
    async () => {
      const output = await kelpie(network, 'audit', '--action', 'kick');
      assert.match(output, /\balice\b/);
      return output;
    },
    () => 'alice',
  );
  await narrator.expect('all other players stay', async () => {
    party.one('survival').say('what did they say?');
    await allSaw(others, 'what did they say?');
    unbroken.check();
  });
  await party.rejoin([rude]);
}

async function logInTwice({ network, party, narrator }: Stage): Promise<void> {
  const old = party.one('bedwars', 'gate-1');
  const { name } = old;
  const unbroken = new Unbroken(party.bots.filter((bot) => bot !== old));
  const [since, newsSince] = [old.seen.mark, network.watch.news.mark];
  narrator.does(`${name} logs in again, at gate-2, where the newer login wins`);
  const twin = await party.joinBy('gate-2', name);
  await narrator.expect(
    'the older client shows the reason, and the newer one plays',
    async () => {
      const text = await old.waitForDisconnect(since);
      assert.match(text, /another place/);
      await network.watch.hears(`${name} left: REPLACED`, newsSince);
      return text;
    },
    (text) => text,
  );
  old.leave();
  const twinUnbroken = new Unbroken([twin]);
  narrator.does(`${name} logs in once more, at gate-1, which asks whether the older one is there`);
  await narrator.expect(
    'the newer client shows the refusal, and the older one plays on',
    async () => {
      const text = await party.refusal('gate-1', name);
      assert.match(text, /already on this network/);
      const words = 'there can be only one';
      twin.say(words);
      await allSaw(party.bots, words);
      twinUnbroken.check();
      unbroken.check();
      return text;
    },
    (text) => text,
  );
}
