/** `kelpie kick`: disconnect players. */
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import type { Command } from 'commander';
import type { Api, PlayersTarget } from '../api/index.js';
import { act, among, command, type Common } from './command.js';
import {
  onePlayer,
  placeOf,
  type PlayerOptions,
  playerPages,
  refuseUnknownPlace,
} from './input/player-place.js';
import { showOutcomes, showSum } from './output/outcomes.js';
import { counted, UsageError, warn } from './output/output.js';

interface KickOptions extends Common, PlayerOptions {
  /** All players of the network. */
  readonly all: boolean;
  /** Do not ask. */
  readonly yes: boolean;
  /** The text that the players see. */
  readonly message: string;
}

export function kickCommand(): Command {
  return among(command('kick [who...]', 'disconnect a player, or all at a place'))
    .option('--all', 'everybody in the network', false)
    .option('--message <text>', 'what they are shown', '')
    .option('--yes', 'do not ask on a terminal', false)
    .action((who: string[], options: KickOptions) =>
      act(options, (api) => kick(api, who, options)),
    );
}

/** `words`: the player, unless the options name a place. Resolves with whether all were kicked. */
async function kick(api: Api, words: string[], options: KickOptions): Promise<boolean> {
  const { message, output, timeout } = options;
  const many = manyOf(options);
  checkWords(words, many !== undefined);
  const { place, names } = many
    ? { place: many, names: await namesAt(api, options) }
    : await onePlayer(api, words[0] ?? '');
  if (!(await mayKick(names.size, options))) return false;
  const limit = timeout === undefined ? {} : { timeoutMs: timeout };
  const answer = await api.messages.players.kick(place, message, limit);
  showOutcomes(answer.outcomes, 'kicked', names, output);
  if (output === 'table' && answer.succeeded + answer.failed > 1) showSum('Kicked', answer);
  return answer.failed === 0;
}

/** A word too many may be the one player who was meant, or the text to show: nobody is kicked by it. */
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

function manyOf(options: KickOptions): PlayersTarget | undefined {
  const place = placeOf(options);
  if (!options.all) return place;
  if (place) throw new UsageError('--all is everybody; leave --server, --proxy and --label out');
  return { everyone: true };
}

/** Asked before the kick: afterwards the players are offline, and their names with them. */
async function namesAt(api: Api, options: KickOptions): Promise<Map<string, string>> {
  const names = new Map<string, string>();
  for await (const { players } of playerPages(api, options)) {
    for (const { id, name } of players) names.set(id, name);
  }
  if (names.size === 0) await refuseUnknownPlace(api, options);
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

/** Asks. Any answer but a yes is a no, the end of the input too. Nothing more can be read after it. */
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
