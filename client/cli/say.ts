/** `kelpie say`: show players something. */
import type { Display, PlayerOutcome } from '../../gen/ts/kelpie/v1/command.js';
import type { Api } from './input/calls.js';
import { durationOf } from '../core/duration.js';
import { showOutcomes, showSum } from './output/outcomes.js';
import { UsageError } from './output/output.js';
import { everyone, onePlayer, type Place, placeOf } from './input/player-place.js';
import { PAGE, type PlayerFilter, refuseUnknownPlace } from './players.js';

type Form = NonNullable<Display['form']>;

export interface SayOptions extends PlayerFilter {
  readonly json: boolean;
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

/** Returns whether all were shown it. */
export async function say(api: Api, words: string[], options: SayOptions): Promise<boolean> {
  const form = formOf(words.join(' '), options);
  const place = await placeFor(api, options);
  const answer = await api.players.showMessage({ target: { place }, display: { form } });
  // Of all who were shown it nobody wants to read the names; programs get everything.
  const failures = answer.outcomes.filter(({ error }) => error);
  const told = options.json ? answer.outcomes : failures;
  showOutcomes(told, 'shown', await namesOf(api, failures), options.json);
  if (!options.json) showSum('Shown to', answer);
  return answer.failed === 0;
}

async function placeFor(api: Api, options: SayOptions): Promise<Place> {
  const place = placeOf(options);
  const { player } = options;
  if (player === undefined) {
    await refuseUnknownPlace(api, options);
    return place ?? everyone;
  }
  if (place)
    throw new UsageError('--player is one player; leave --server, --proxy and --label out');
  return (await onePlayer(api, player)).place;
}

/** Of the first of them, who are still there. */
async function namesOf(api: Api, outcomes: readonly PlayerOutcome[]): Promise<Map<string, string>> {
  if (outcomes.length === 0) return new Map();
  const lookups = outcomes.slice(0, PAGE).map(({ playerId }) => ({
    by: { $case: 'id', value: playerId } as const,
  }));
  const { players } = await api.players.batchGetPlayers({ players: lookups });
  return new Map(players.map(({ id, name }) => [id, name]));
}

function formOf(text: string, options: SayOptions): Form {
  const [form, second] = formsOf(text, options);
  if (second)
    throw new UsageError('it is one of --title, --action-bar, --tip, --popup and --toast');
  const { title, subtitle, fadeIn, stay, fadeOut } = options;
  if (!title && (subtitle ?? fadeIn ?? stay ?? fadeOut) !== undefined) {
    throw new UsageError('--subtitle, --fade-in, --stay and --fade-out go with --title');
  }
  if (!form && text === '') throw new UsageError('the text is empty; say what to show');
  return form ?? { $case: 'chat', value: text };
}

function formsOf(text: string, options: SayOptions): Form[] {
  const { title, actionBar, tip, popup, toast } = options;
  const forms: (Form | false)[] = [
    title && titleOf(text, options),
    actionBar && { $case: 'actionBar', value: text },
    tip && { $case: 'tip', value: text },
    popup && { $case: 'popup', value: text },
    toast !== undefined && { $case: 'toast', value: { title: toast, message: text } },
  ];
  return forms.filter((form) => form !== false);
}

function titleOf(title: string, { subtitle = '', fadeIn, stay, fadeOut }: SayOptions): Form {
  const optional = (ms: number | undefined) => (ms === undefined ? undefined : durationOf(ms));
  const times = { fadeIn: optional(fadeIn), stay: optional(stay), fadeOut: optional(fadeOut) };
  return { $case: 'title', value: { title, subtitle, ...times } };
}
