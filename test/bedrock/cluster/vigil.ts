/**
 * The promises that hold from the first fault to the last: players talk on, each on a server of their own, and all who were
 * there before stay.
 */
import assert from 'node:assert/strict';
import { setTimeout } from 'node:timers/promises';
import { areListed, kelpie, listed, Unbroken } from '../acts/stage.js';
import type { Bot } from '../bots.js';
import type { ProxyName } from '../network.js';
import { Talk } from '../talk.js';
import type { ClusterNetwork, Stage } from './network.js';

/** Coordinators look at what is over about so often. */
const LOOK_MS = 1000;

interface Stay {
  readonly name: string;
  /** Another one after a leave and a join. */
  readonly since: string;
}

export class Vigil {
  readonly talk: Talk;
  readonly #stage: Stage;
  readonly #witnesses: readonly Bot[];
  readonly #unbroken: Unbroken;
  readonly #stays: readonly Stay[];
  readonly #newsSince: number;
  readonly #newcomers: string[] = [];
  #settledMs = 0;

  private constructor(stage: Stage, speakers: readonly Bot[], stays: readonly Stay[]) {
    const { network, party } = stage;
    this.#stage = stage;
    this.#witnesses = party.bots;
    this.#unbroken = new Unbroken(party.bots);
    this.#stays = stays;
    this.#newsSince = network.watch.news.mark;
    this.talk = new Talk(...speakers);
  }

  static async begin(stage: Stage): Promise<Vigil> {
    const { network, party, narrator } = stage;
    const speakers = [party.one('lobby'), party.one('bedwars'), party.one('survival')];
    const names = speakers.map(({ name }) => name).join(', ');
    const vigil = new Vigil(stage, speakers, await staysOf(network));
    await narrator.expect(`${names} talk across the coordinators, without a pause`, () =>
      vigil.talk.flows(),
    );
    return vigil;
  }

  /** A player joins. They saw no earlier line, so they are no witness. */
  async joins(name: string, proxy: ProxyName): Promise<Bot> {
    this.#newcomers.push(name);
    return this.#stage.party.joinBy(proxy, name);
  }

  /** A fault: until this time is over, a coordinator may find that somebody has left. */
  settles(ms: number): void {
    this.#settledMs = Math.max(this.#settledMs, performance.now() + ms + LOOK_MS);
  }

  /** Checks that nothing was lost until now. */
  async holds(): Promise<void> {
    const { narrator, network } = this.#stage;
    await narrator.expect(
      'all twenty players saw every line of the talk, once and in order',
      () => this.talk.isWhole(this.#witnesses),
      () => `${this.talk.lines} lines each`,
    );
    await this.#nobodyLeft();
    await areListed(this.#stage);
    await narrator.expect('players and nodes have the same join times as before', async () => {
      const stays = await staysOf(network);
      assert.deepEqual(
        stays.filter(({ name }) => !this.#newcomers.includes(name)),
        this.#stays,
      );
    });
    await narrator.expect('no player lost the connection to the game', () =>
      this.#unbroken.check(),
    );
  }

  /** Ends the talk, when no coordinator can still find that somebody has left by the faults. */
  async ends(): Promise<void> {
    const { narrator } = this.#stage;
    narrator.does('the three talk on until the grace of everything that was lost is over');
    await setTimeout(Math.max(0, this.#settledMs - performance.now()));
    await this.#nobodyLeft();
    await narrator.expect(
      'from the first fault on, all twenty saw every line once and in order',
      () => this.talk.endsWhole(this.#witnesses),
      () => `${this.talk.lines} lines each`,
    );
    await narrator.expect('no player lost the connection to the game', () =>
      this.#unbroken.check(),
    );
  }

  async #nobodyLeft(): Promise<void> {
    const { narrator, network } = this.#stage;
    await narrator.expect('no node received an event that a player or a node left', () => {
      const news = network.watch.news.since(this.#newsSince);
      const others = news.filter((line) => !this.#isOfNewcomer(line));
      assert.deepEqual(others, []);
      assert.deepEqual(network.watch.leavesSince(this.#newsSince), []);
    });
  }

  #isOfNewcomer(line: string): boolean {
    return this.#newcomers.some((name) => line.startsWith(`${name} `));
  }
}

/** Since when everybody is there, as an operator lists them. */
async function staysOf(network: ClusterNetwork): Promise<Stay[]> {
  const players = await listed(network);
  const nodes = (await kelpie(network, 'nodes', '--json')).split('\n').filter(Boolean);
  return [
    ...players.map(({ place, stay }) => ({ name: place.split(' ')[0] ?? '', since: stay })),
    ...nodes.map((node) => {
      const { name, joinTime } = JSON.parse(node) as Record<'name' | 'joinTime', string>;
      return { name, since: joinTime };
    }),
  ];
}
