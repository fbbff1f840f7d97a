/** `kelpie say`: show players something. */
import type { Command } from 'commander';
import type { PlayerOutcome } from '../../gen/ts/kelpie/v1/command.js';
import type { Api, Display, PlayersTarget } from '../api/index.js';
import { act, among, command, type Common } from './command.js';
import { name, span } from './input/arguments.js';
import {
  onePlayer,
  placeOf,
  type PlayerOptions,
  refuseUnknownPlace,
} from './input/player-place.js';
import { showOutcomes, showSum } from './output/outcomes.js';
import { UsageError } from './output/output.js';

interface SayOptions extends Common, PlayerOptions {
  readonly player?: string;
  readonly title: boolean;
  readonly subtitle?: string;
  /** How long the title takes, each in milliseconds. */
  readonly fadeIn?: number;
  readonly stay?: number;
  readonly fadeOut?: number;
  readonly actionBar: boolean;
  readonly tip: boolean;
  readonly popup: boolean;
  /** The title of the toast. */
  readonly toast?: string;
}

/** Of so many players who were not shown it the names are looked up. */
const MOST_NAMES = 100;

export function sayCommand(): Command {
  return among(command('say <text...>', 'show players a line of chat, or something else'))
    .option('--player <who>', 'only this player: an id, XUID, UUID or name', name)
    .option('--title', 'the text is a title on the screen', false)
    .option('--subtitle <text>', 'the small line below the title')
    .option('--fade-in <time>', 'how long the title takes to come: 500ms, 2s', span)
    .option('--stay <time>', 'how long it stays', span)
    .option('--fade-out <time>', 'how long it takes to go', span)
    .option('--action-bar', 'a line above the hotbar', false)
    .option('--tip', 'a tip', false)
    .option('--popup', 'a popup', false)
    .option('--toast <title>', 'a toast with this title, at the top of the screen')
    .action((text: string[], options: SayOptions) =>
      act(options, (api) => say(api, text, options)),
    );
}

/** Resolves with whether all were shown it. */
async function say(api: Api, words: string[], options: SayOptions): Promise<boolean> {
  const { output, timeout } = options;
  const form = formOf(words.join(' '), options);
  const place = await placeFor(api, options);
  const limit = timeout === undefined ? {} : { timeoutMs: timeout };
  const answer = await api.messages.players.show(place, form, limit);
  // People need the names of the others alone; programs get everything.
  const failures = answer.outcomes.filter(({ error }) => error);
  const outcomes = output === 'table' ? failures : answer.outcomes;
  showOutcomes(outcomes, 'shown', await namesOf(api, failures), output);
  if (output === 'table') showSum('Shown to', answer);
  return answer.failed === 0;
}

async function placeFor(api: Api, options: SayOptions): Promise<PlayersTarget> {
  const place = placeOf(options);
  const { player } = options;
  if (player === undefined) {
    await refuseUnknownPlace(api, options);
    return place ?? { everyone: true };
  }
  if (place)
    throw new UsageError('--player is one player; leave --server, --proxy and --label out');
  return (await onePlayer(api, player)).place;
}

/** Of the first of the players, if they are still there. */
async function namesOf(api: Api, outcomes: readonly PlayerOutcome[]): Promise<Map<string, string>> {
  if (outcomes.length === 0) return new Map();
  const lookups = outcomes.slice(0, MOST_NAMES).map(({ playerId }) => ({ id: playerId }));
  const { players } = await api.players.getMany(lookups);
  return new Map(players.map(({ id, name }) => [id, name]));
}

function formOf(text: string, options: SayOptions): Display {
  const [form, second] = formsOf(text, options);
  if (second)
    throw new UsageError('it is one of --title, --action-bar, --tip, --popup and --toast');
  const { title, subtitle, fadeIn, stay, fadeOut } = options;
  if (!title && (subtitle ?? fadeIn ?? stay ?? fadeOut) !== undefined) {
    throw new UsageError('--subtitle, --fade-in, --stay and --fade-out go with --title');
  }
  if (!form && text === '') throw new UsageError('the text is empty; say what to show');
  return form ?? { chat: text };
}

function formsOf(text: string, options: SayOptions): Display[] {
  const { title, actionBar, tip, popup, toast } = options;
  const forms: (Display | false)[] = [
    title && titleOf(text, options),
    actionBar && { actionBar: text },
    tip && { tip: text },
    popup && { popup: text },
    toast !== undefined && { toast: { title: toast, message: text } },
  ];
  return forms.filter((form) => form !== false);
}

function titleOf(title: string, { subtitle, fadeIn, stay, fadeOut }: SayOptions): Display {
  return {
    title,
    ...(subtitle !== undefined && { subtitle }),
    ...(fadeIn !== undefined && { fadeInMs: fadeIn }),
    ...(stay !== undefined && { stayMs: stay }),
    ...(fadeOut !== undefined && { fadeOutMs: fadeOut }),
  };
}
