/** Messages that players are shown, in the form of programs and in the form of the contract. Pure. */
import type { Display as WireDisplay, Title as WireTitle } from '../../gen/ts/kelpie/v1/command.js';
import { amount, invalid, object, text } from '../core/arguments.js';
import { durationOf, msOf } from '../core/duration.js';

/** A title on the screen of a player. The game chooses a time that is left out. */
export interface Title {
  /** The large line. */
  readonly title: string;
  /** The small line below it. */
  readonly subtitle?: string;
  /** How many milliseconds the title takes to appear. */
  readonly fadeInMs?: number;
  /** How many milliseconds the title stays. */
  readonly stayMs?: number;
  /** How many milliseconds the title takes to disappear. */
  readonly fadeOutMs?: number;
}

/** A toast, at the top of the screen. */
export interface Toast {
  readonly title: string;
  readonly message: string;
}

/** Something to show to players: exactly one of these. A text has at most 4 KiB. */
export type Display =
  /** A line of chat. */
  | { readonly chat: string }
  | Title
  /** A line above the hotbar. */
  | { readonly actionBar: string }
  | { readonly tip: string }
  | { readonly popup: string }
  | { readonly toast: Toast };

type WireForm = NonNullable<WireDisplay['form']>;

const FORMS = ['chat', 'title', 'actionBar', 'tip', 'popup', 'toast'] as const;

/** The longest time that a Duration of the contract holds: 10,000 years. */
const LONGEST_MS = 315_576_000_000_000;

/** The display on the wire: a copy. Throws VALUE_INVALID or OUT_OF_RANGE. */
export function displayOf(display: Display): WireDisplay {
  const given = object('display', display);
  const [name, second] = FORMS.filter((form) => Reflect.get(given, form) !== undefined);
  if (name === undefined || second !== undefined) {
    const what = name === undefined ? 'nothing to show' : `${name} and ${second}`;
    throw invalid(
      `display has ${what}; it must have exactly one of ${FORMS.join(', ')}`,
      'display',
    );
  }
  return { form: wireFormOf(name, given) };
}

function wireFormOf(name: (typeof FORMS)[number], given: object): WireForm {
  const value: unknown = Reflect.get(given, name);
  if (name === 'title') return { $case: name, value: wireTitleOf(given as Title) };
  if (name !== 'toast') return { $case: name, value: text(`display.${name}`, value) };
  const { title, message } = object('display.toast', value) as Toast;
  return {
    $case: name,
    value: {
      title: text('display.toast.title', title),
      message: text('display.toast.message', message),
    },
  };
}

function wireTitleOf({ title, subtitle = '', fadeInMs, stayMs, fadeOutMs }: Title): WireTitle {
  return {
    title: text('display.title', title),
    subtitle: text('display.subtitle', subtitle),
    fadeIn: timeOf('display.fadeInMs', fadeInMs),
    stay: timeOf('display.stayMs', stayMs),
    fadeOut: timeOf('display.fadeOutMs', fadeOutMs),
  };
}

function timeOf(field: string, ms: number | undefined) {
  return ms === undefined ? undefined : durationOf(amount(field, ms, 0, LONGEST_MS));
}

/** The display as a handler gets it. Undefined if it has no form that this version of the client has. */
export function displayFrom({ form }: WireDisplay): Display | undefined {
  switch (form?.$case) {
    case 'chat':
      return { chat: form.value };
    case 'title':
      return titleFrom(form.value);
    case 'actionBar':
      return { actionBar: form.value };
    case 'tip':
      return { tip: form.value };
    case 'popup':
      return { popup: form.value };
    case 'toast':
      return { toast: form.value };
    case undefined:
      return undefined;
  }
}

function titleFrom({ title, subtitle, fadeIn, stay, fadeOut }: WireTitle): Title {
  return {
    title,
    ...(subtitle !== '' && { subtitle }),
    ...(fadeIn && { fadeInMs: msOf(fadeIn, 0) }),
    ...(stay && { stayMs: msOf(stay, 0) }),
    ...(fadeOut && { fadeOutMs: msOf(fadeOut, 0) }),
  };
}
