/** Whose history is meant: a node's or a player's, online or of the past. */
import type { Player } from '../../../gen/ts/kelpie/v1/player.js';
import type { Api } from '../../api/index.js';
import { fromThrown } from '../../errors.js';
import { findPlayer, looksLikeId } from '../input/player.js';
import { UsageError } from '../output/output.js';
import { oldestOf, past } from '../input/past.js';

export interface Subject {
  readonly kind: 'node' | 'player';
  readonly topic: string;
  /** Of a node its name; of a player their name and id. */
  readonly shown: string;
  /** Whether it is there now. */
  readonly present: () => Promise<boolean>;
  /** Other players who had the name, by id. */
  readonly namesakes: readonly string[];
}

const NODE_NAME = /^[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?$/;

/**
 * A node if one of this name is there or in the history, else a player; `only` forces one of them.
 * Undefined if there is neither.
 */
export async function subjectOf(
  api: Api,
  typed: string,
  only: 'node' | 'player' | undefined,
): Promise<Subject | undefined> {
  if (typed.trim() === '') throw new UsageError('say whose history: a node or a player');
  const name = typed.toLowerCase();
  if (only === 'node' && !NODE_NAME.test(name)) {
    throw new UsageError(`"${typed}" cannot be the name of a node`);
  }
  const node = only !== 'player' && NODE_NAME.test(name) ? await nodeOf(api, name) : undefined;
  return node ?? (only === 'node' ? undefined : playerOf(api, typed));
}

async function nodeOf(api: Api, name: string): Promise<Subject | undefined> {
  const topic = `nodes.${name}`;
  const present = (): Promise<boolean> => isNode(api, name);
  if (!(await oldestOf(api, [topic])) && !(await present())) return undefined;
  return { kind: 'node', topic, shown: name, present, namesakes: [] };
}

async function isNode(api: Api, name: string): Promise<boolean> {
  try {
    await api.nodes.get(name);
    return true;
  } catch (thrown) {
    const error = fromThrown(thrown);
    if (error.reason === 'NODE_NOT_FOUND') return false;
    throw error;
  }
}

/** Looks for a player who is online first, then for an id in the history, then for a name or a UUID there. */
async function playerOf(api: Api, who: string): Promise<Subject | undefined> {
  const online = await findPlayer(api, who);
  if (online) return subject(online, true);
  const id = who.toLowerCase();
  if (looksLikeId(who) && (await oldestOf(api, [`players.${id}`]))) return subject({ id });
  const found = await playersOfThePast(api, who);
  const latest = found.pop();
  const namesakes = found.map((player) => player.id);
  return latest && { ...subject(latest), namesakes };
}

function subject({ id, name }: Pick<Player, 'id'> & Partial<Player>, isOnline = false): Subject {
  const shown = name === undefined ? `player ${id}` : `${name} (${id})`;
  const present = (): Promise<boolean> => Promise.resolve(isOnline);
  return { kind: 'player', topic: `players.${id}`, shown, present, namesakes: [] };
}

/** Players who had this name or UUID, each once, whoever had it last at the end. */
async function playersOfThePast(api: Api, who: string): Promise<Player[]> {
  const wanted = folded(who);
  const found = new Map<string, Player>();
  for await (const { events } of past(api, ['players.*'], 'EARLIEST')) {
    for (const { body } of events) {
      const player = body && 'player' in body.value ? body.value.player : undefined;
      if (!player || (folded(player.name) !== wanted && player.uuid !== wanted)) continue;
      found.delete(player.id);
      found.set(player.id, player);
    }
  }
  return [...found.values()];
}

/** As the coordinator compares names. */
function folded(text: string): string {
  return text.normalize('NFC').toLowerCase();
}
