/** The commands that players type on a server. */
import { setTimeout } from 'node:timers/promises';
import { type Destination, type KelpieClient, KelpieError } from '../../client/index.js';

const NODE = '([A-Za-z0-9_-]{1,63})';
const WHO = new RegExp(`^/who ${NODE}$`);
const PLAY = new RegExp(`^/play ${NODE}(?: (.+))?$`);
const TRAVEL = new RegExp(`^/travel ${NODE} ${NODE}(?: (.+))?$`);
const QUEUE = new RegExp(`^/queue ${NODE}$`);

const SLOT_MS = 5000;
const PAUSE_MS = 300;

/** A player who typed a command. */
export interface Typist {
  readonly id: string;
  /** Aborts when the player has left this server. */
  readonly gone: AbortSignal;
}

/** The lines that the player sees. */
export async function* answerTo(
  kelpie: KelpieClient,
  typist: Typist,
  command: string,
): AsyncGenerator<string> {
  const [, asked] = WHO.exec(command) ?? [];
  const [, game, context] = PLAY.exec(command) ?? [];
  const [, proxy, server, place] = TRAVEL.exec(command) ?? [];
  const [, full] = QUEUE.exec(command) ?? [];
  if (asked !== undefined) yield await whoIsOn(kelpie, asked);
  else if (game !== undefined) yield* go(kelpie, typist, { server: game }, context);
  else if (proxy !== undefined) yield* go(kelpie, typist, { proxy, server: server ?? '' }, place);
  else if (full !== undefined) yield* queue(kelpie, typist, full);
  else yield 'There is no such command.';
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

/**
 * `/play bedwars Your team is red.` moves the player to bedwars, which gets the words before they arrive. `/travel gate-2
 * survival` moves them to survival by the proxy gate-2.
 */
async function* go(
  kelpie: KelpieClient,
  { id }: Typist,
  destination: Destination,
  context = '',
): AsyncGenerator<string> {
  try {
    await kelpie.move({ id }, destination, { context });
  } catch (error) {
    yield `No way: ${reason(error)}`;
  }
}

/**
 * `/queue bedwars` tries again and again to reserve a place for the player, and moves them when there is one. The transfer
 * uses that place, so nobody else can get it meanwhile.
 */
async function* queue(
  kelpie: KelpieClient,
  { id, gone }: Typist,
  server: string,
): AsyncGenerator<string> {
  while (!gone.aborted) {
    try {
      const place = await kelpie.reserve({ node: server, ttlMs: SLOT_MS, purpose: 'queue' });
      await kelpie.move({ id }, { server: place.node }, { reservation: place });
      return;
    } catch (error) {
      if (!(error instanceof KelpieError) || error.reason !== 'SERVER_FULL') {
        yield `No way: ${reason(error)}`;
        return;
      }
      yield `${server} is full. You wait on.`;
      await setTimeout(PAUSE_MS);
    }
  }
}

function reason(error: unknown): string {
  return error instanceof KelpieError ? error.message : String(error);
}
