/** The commands that players type on a server. */
import { type AnyCommand, type KelpieClient, KelpieError } from '../../client/index.js';

const WHO = /^\/who ([A-Za-z0-9_-]{1,63})$/;
const PLAY = /^\/play ([A-Za-z0-9_-]{1,63})(?: (.+))?$/;

/** The lines that the player sees. */
export async function* answerTo(
  kelpie: KelpieClient,
  id: string,
  command: string,
): AsyncGenerator<string> {
  const [, asked] = WHO.exec(command) ?? [];
  const [, server, words = ''] = PLAY.exec(command) ?? [];
  if (asked !== undefined) yield await whoIsOn(kelpie, asked);
  else if (server !== undefined) yield* play(kelpie, id, server, words);
  else yield 'There is no such command.';
}

/** `/play bedwars Team red.` moves the player to the server bedwars, which gets the words. */
async function* play(
  kelpie: KelpieClient,
  id: string,
  server: string,
  words: string,
): AsyncGenerator<string> {
  const player = kelpie.roster.player({ id });
  if (!player) return;
  const asked = { player: { id, generation: player.generation }, toProxy: '', transferId: id };
  const context = new TextEncoder().encode(words);
  const about = { playerName: player.name, fromServer: player.server, context };
  try {
    await one(kelpie, server, { prepare_arrival: { ...asked, ...about } });
    await one(kelpie, player.proxy, { transfer_player: { ...asked, server } });
  } catch (error) {
    yield `No way to ${server}: ${error instanceof KelpieError ? error.message : 'it cannot be asked'}`;
  }
}

/** Issues a command to one node. Rejects if the node refuses it. */
async function one(kelpie: KelpieClient, node: string, command: AnyCommand): Promise<void> {
  for await (const { error } of kelpie.issue({ target: { node }, command, timeoutMs: 5000 })) {
    if (error) throw error;
  }
}

/** `/who survival` asks the server survival for its players. */
async function whoIsOn(kelpie: KelpieClient, node: string): Promise<string> {
  try {
    const answer = await kelpie.call({ node }, 'who', {}, { timeoutMs: 5000 });
    const { players: names } = answer as { players: string[] };
    return names.length === 0 ? `Nobody is on ${node}.` : `On ${node}: ${names.sort().join(', ')}`;
  } catch (error) {
    return error instanceof KelpieError ? `${node}: ${error.message}` : `${node} cannot be asked.`;
  }
}
