/** The parts that every act uses, and the claims that several acts share. */
import assert from 'node:assert/strict';
import type { Player } from '../../../gen/ts/kelpie/v1/player.js';
import type { Bot } from '../bots.js';
import type { Narrator } from '../narrator.js';
import type { Network, Server } from '../network.js';
import type { Party } from '../party.js';

export interface Stage {
  network: Network;
  party: Party;
  narrator: Narrator;
  /** The how many-th performance it is, from 1. */
  time: number;
}

/** A player says something on one server, and a player on another server sees it. */
export async function hears({ narrator }: Stage, from: Bot, to: Bot, words: string): Promise<void> {
  await narrator.expect(
    `${from.name} says “${words}” on ${from.server}, ${to.name} sees it on ${to.server}`,
    async () => {
      const startMs = performance.now();
      from.say(words);
      const { source_name: source } = await to.waitForText(({ message }) => message === words);
      assert.equal(source, `${from.name}@${from.server}`);
      return performance.now() - startMs;
    },
    (tookMs) => `${tookMs.toFixed(0)} ms`,
  );
}

/** Players type /play, and the server greets them, with these words if there are any. */
export async function play(bots: readonly Bot[], server: Server, words = ''): Promise<void> {
  await Promise.all(
    bots.map(async (bot) => {
      const since = bot.seen.mark;
      bot.type(`/play ${server} ${words}`.trim());
      const wanted = `Welcome to ${server}, ${bot.name}! ${words}`.trim();
      const isAnswer = /^(Welcome to |No way: )/;
      const { message } = await bot.waitForText((text) => isAnswer.test(text.message), since);
      assert.equal(message, wanted);
    }),
  );
}

/**
 * The players are about to be moved. The function resolves when the server has greeted them all, and all nodes received
 * the events that they moved. Rejects if one of them left meanwhile.
 */
export function arrivals(
  { watch }: Network,
  bots: readonly Bot[],
  server: Server,
): () => Promise<void> {
  const newsSince = watch.news.mark;
  const marks = bots.map((bot) => ({ bot, since: bot.seen.mark }));
  return async () => {
    await Promise.all(marks.map(({ bot, since }) => bot.waitForServer(server, since)));
    const moves = bots.map(({ name }) => watch.hears(`${name} is on ${server}`, newsSince));
    await Promise.all(moves);
    const leaves = watch.leavesSince(newsSince);
    const ofThem = leaves.filter((line) => bots.some(({ name }) => line.startsWith(`${name} `)));
    assert.deepEqual(ofThem, []);
  };
}

/** A player types /play, and their server answers why they stay. Resolves with the reason. */
export async function refusedBy(server: Server, bot: Bot): Promise<string> {
  const [since, stay] = [bot.seen.mark, bot.server];
  bot.type(`/play ${server}`);
  const { message } = await bot.waitForText((text) => text.message.startsWith('No way: '), since);
  assert.equal(bot.server, stay);
  return message;
}

/** All bots see the words once. */
export async function allSaw(bots: readonly Bot[], words: string): Promise<void> {
  await Promise.all(bots.map((bot) => bot.waitForText(({ message }) => message === words)));
  for (const bot of bots) {
    assert.equal(bot.count(words), 1, `${bot.name} saw “${words}” ${bot.count(words)} times`);
  }
}

/** A player asks their server for the players of another server, and that server answers. */
export async function answers(
  { narrator }: Stage,
  { bot, about, answer }: { bot: Bot; about: string; answer: string },
): Promise<void> {
  await narrator.expect(
    `${bot.name} types /who ${about} on ${bot.server}, and ${about} answers its call`,
    async () => {
      const since = bot.seen.mark;
      bot.type(`/who ${about}`);
      const wanted = new RegExp(`\\b${about}(:|\\.$)`);
      const { message } = await bot.waitForText((text) => wanted.test(text.message), since);
      assert.equal(message, answer);
    },
    () => answer,
  );
}

/** `kelpie players` lists exactly the players of the demo, at the places where their clients are. */
export async function areListed({ narrator, network, party }: Stage): Promise<void> {
  await narrator.expect(
    '`kelpie players` has each player where their own client is',
    async () => {
      const places = party.places();
      await network.watch.sees(places);
      assert.deepEqual((await listed(network)).map(({ place }) => place).sort(), places);
    },
    () => `${party.bots.length}: ${party.counts()}`,
  );
}

/** The players as an operator lists them, each with the generation and the time of the join. */
export async function listed(network: Network): Promise<{ place: string; stay: string }[]> {
  const output = await kelpie(network, 'players', '--json');
  const lines = output.split('\n').filter((line) => line !== '');
  const players = lines.map((line) => JSON.parse(line) as Record<keyof Player, string>);
  return players.map(({ name, proxy, server, generation, joinTime }) => ({
    place: `${name} by ${proxy} on ${server}`,
    stay: `${generation} since ${joinTime}`,
  }));
}

/** Runs the program kelpie, as an operator does. Resolves with its output. */
export function kelpie({ secrets }: Network, ...args: string[]): Promise<string> {
  return secrets.kelpie(...args);
}

/** The bots, and the marks from which on their connections must not break. */
export class Unbroken {
  readonly #marks: readonly { bot: Bot; since: number }[];

  constructor(bots: readonly Bot[]) {
    this.#marks = bots.map((bot) => ({ bot, since: bot.seen.mark }));
  }

  check(): void {
    const broken = this.#marks.flatMap(({ bot, since }) => bot.brokenSince(since) ?? []);
    assert.deepEqual(broken, [], broken.join(', '));
  }
}
