/** The parts that every act uses. */
import assert from 'node:assert/strict';
import type { Narrator } from '../../narrator.js';
import { Bot } from '../bot.js';
import { GATE, type Network } from '../network.js';

export interface Stage {
  readonly network: Network;
  readonly narrator: Narrator;
  readonly bots: Map<string, Bot>;
}

/** A player joins by the proxy, or the server, that has this name. */
export async function join({ network, bots }: Stage, name: string, at: 'hub' | typeof GATE) {
  const bot = new Bot(name, network.ports[at]);
  await bot.join();
  bots.set(name, bot);
  return bot;
}

export function bot({ bots }: Stage, name: string): Bot {
  const found = bots.get(name);
  assert.ok(found, `${name} is not there`);
  return found;
}

/** The roster of the network has exactly these players. Each is `Ana by gate-1 on lobby`. */
export async function areListed({ network, narrator }: Stage, ...places: string[]): Promise<void> {
  await narrator.expect(
    'the network lists each player where their own client is',
    () => network.watch.sees(places),
    () => places.join(', '),
  );
}

/** Checks later that no connection of these players broke meanwhile. */
export function unbroken(bots: readonly Bot[]): () => void {
  const marks = bots.map((one) => ({ one, since: one.seen.mark }));
  return () => {
    const broken = marks.flatMap(({ one, since }) => one.brokenSince(since) ?? []);
    assert.deepEqual(broken, [], broken.join(', '));
  };
}
