/** `kelpie kick`: disconnect players. */
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import type { Api } from './input/calls.js';
import { showOutcomes, showSum } from './output/outcomes.js';
import { counted, UsageError, warn } from './output/output.js';
import { everyone, onePlayer, type Place, placeOf } from './input/player-place.js';
import { type PlayerFilter, playerPages, refuseUnknownPlace } from './players.js';

export interface KickOptions extends PlayerFilter {
  readonly json: boolean;
  /** Everybody in the network. */
  readonly all: boolean;
  /** Do not ask. */
  readonly yes: boolean;
  /** What those who are kicked are shown. */
  readonly message: string;
}

/** `words`: the player, unless the options name a place. Returns whether all are gone. */
export async function kick(api: Api, words: string[], options: KickOptions): Promise<boolean> {
  const { message } = options;
  const many = manyOf(options);
  checkWords(words, many !== undefined);
  const { place, names } = many
    ? { place: many, names: await namesAt(api, options) }
    : await onePlayer(api, words[0] ?? '');
  if (!(await mayKick(names.size, options))) return false;
  const answer = await api.players.kickPlayers({ target: { place }, message });
  showOutcomes(answer.outcomes, 'kicked', names, options.json);
  if (!options.json && answer.succeeded + answer.failed > 1) showSum('Kicked', answer);
  return answer.failed === 0;
}

/** A word too many may be the one player who was meant, or what they should be shown: nobody is kicked by it. */
function checkWords(words: readonly string[], many: boolean): void {
  if (many && words.length > 0) {
    throw new UsageError(
      `it is either the player "${words.join(' ')}" or all at a place; a text to show goes in --message`,
    );
  }
  if (words.length > 1) {
    throw new UsageError(
      `"${words.join(' ')}" is more than one word: a name with spaces goes in quotes, a text to show in --message`,
    );
  }
  if (!many && words.length === 0) {
    throw new UsageError('say whom to kick: a player, or --server, --proxy, --label or --all');
  }
}

function manyOf(options: KickOptions): Place | undefined {
  const place = placeOf(options);
  if (!options.all) return place;
  if (place) throw new UsageError('--all is everybody; leave --server, --proxy and --label out');
  return everyone;
}

/** Asked before, as nobody knows the names of those who are gone. */
async function namesAt(api: Api, filter: PlayerFilter): Promise<Map<string, string>> {
  const names = new Map<string, string>();
  for await (const { players } of playerPages(api, filter)) {
    for (const { id, name } of players) names.set(id, name);
  }
  if (names.size === 0) await refuseUnknownPlace(api, filter);
  return names;
}

/** Scripts are not asked. */
async function mayKick(players: number, { yes }: KickOptions): Promise<boolean> {
  if (yes || players < 2 || !process.stdin.isTTY || !process.stderr.isTTY) return true;
  const question = `Kick ${counted(players, 'player')}?`;
  if (await confirmed(question, process.stdin, process.stderr)) return true;
  warn('nobody was kicked');
  return false;
}

/** Asks; everything but a yes is a no, the end of the input too. Nothing more can be read after it. */
export async function confirmed(
  question: string,
  input: Readable,
  output: Writable,
): Promise<boolean> {
  output.write(`${question} [y/N] `);
  try {
    // The terminal's own line editing, so that Ctrl+C interrupts.
    for await (const line of createInterface({ input, terminal: false })) {
      return /^y(es)?$/i.test(line.trim());
    }
    return false;
  } finally {
    // An open terminal would keep the process from ending.
    input.destroy();
  }
}
