/** Commands in the form of programs and in the form of the contract. Pure. */
import type { Command, CommandTarget, NodeSelector } from '../../gen/ts/kelpie/v1/command.js';
import { invalid, object, onlyKey, shown, text, textList, texts } from '../core/arguments.js';
import { type Fields, known } from '../core/known.js';
import type { KelpieError } from '../errors.js';
import { contentOf, type MessageContent } from '../events/content.js';
import { MOVE_NAMES, type MoveForms, moveFormOf, moveRequestOf } from './moves.js';
import { type PlayerRef, refOf, wireRef } from './refs.js';
import { type Display, displayFrom, displayOf } from './display.js';
import { type RoleName, roleOf, type StateName, stateOf } from '../core/spelling.js';

/** A player for whom a handler failed, and the reason. */
export interface PlayerFailure {
  readonly id: string;
  readonly message: string;
}

/** The result for one player. */
export interface PlayerResult {
  readonly id: string;
  /** Set if the command failed for this player. */
  readonly error?: KelpieError;
}

/** The output of a console. */
export interface ConsoleOutput {
  readonly success: boolean;
  readonly lines: readonly string[];
}

/** Whether a player is really there. `silenceMs` is the time since their client sent anything; left out: 0. */
export interface Verified {
  readonly connected: boolean;
  readonly silenceMs?: number;
}

// eslint-disable-next-line @typescript-eslint/no-invalid-void-type -- a handler that returns nothing succeeded for all players
type PlayersReply = void | readonly PlayerFailure[];

/** The commands of the contract: the request, the value that a handler returns, and the result for the issuer. */
export interface Forms extends MoveForms {
  kick_players: {
    request: { readonly players: readonly PlayerRef[]; readonly message: string };
    reply: PlayersReply;
    result: readonly PlayerResult[];
  };
  show_message: {
    request: { readonly players: readonly PlayerRef[]; readonly display: Display };
    reply: PlayersReply;
    result: readonly PlayerResult[];
  };
  run_console_command: {
    request: { readonly line: string };
    /** Lines without `success`: the command succeeded. An empty text has no lines. */
    reply: string | readonly string[] | ConsoleOutput;
    result: ConsoleOutput;
  };
  verify_player: { request: { readonly player: PlayerRef }; reply: Verified; result: Verified };
}

export type FormName = keyof Forms;

/** A command to issue: one of the contract, or a custom command with a name of its own. */
export type AnyCommand =
  | { [Name in FormName]: Readonly<Record<Name, Forms[Name]['request']>> }[FormName]
  | { readonly custom: { readonly name: string; readonly content: MessageContent } };

/** The result of a command from one node. */
export type ResultOf<C> = C extends { custom: unknown }
  ? MessageContent | undefined
  : {
      [Name in FormName]: C extends Record<Name, unknown> ? Forms[Name]['result'] : never;
    }[FormName];

/** Selects the nodes that match all of these. A field that is left out matches every node. */
export interface Selector {
  readonly roles?: readonly RoleName[];
  readonly states?: readonly StateName[];
  readonly labels?: Readonly<Record<string, string>>;
}

/** The target of a command. Only nodes that have a handler for it count. */
export type Target =
  | { readonly node: string }
  /** All of these. A node that is not there gives NODE_NOT_FOUND; one without a handler gives COMMAND_NOT_HANDLED. */
  | { readonly nodes: readonly string[] }
  | { readonly every: Selector }
  /** One of the nodes that match, a different one each time. */
  | { readonly any: Selector }
  /** The proxy of the player with this id. */
  | { readonly playerProxy: string }
  /** The server of the player with this id. */
  | { readonly playerServer: string };

type Form = NonNullable<Command['form']>;

const PLACES = ['node', 'nodes', 'every', 'any', 'playerProxy', 'playerServer'] as const;

/** Throws VALUE_INVALID. */
export function targetOf(target: Target): CommandTarget {
  onlyKey('target', target, PLACES);
  if ('node' in target)
    return { place: { $case: 'node', value: text('target.node', target.node) } };
  if ('nodes' in target) {
    const names = textList('target.nodes', target.nodes);
    return { place: { $case: 'nodes', value: { names } } };
  }
  if ('every' in target) return { place: { $case: 'every', value: selectorOf(target.every) } };
  if ('any' in target) return { place: { $case: 'any', value: selectorOf(target.any) } };
  if ('playerProxy' in target) {
    const value = text('target.playerProxy', target.playerProxy);
    return { place: { $case: 'playerProxy', value } };
  }
  const value = text('target.playerServer', target.playerServer);
  return { place: { $case: 'playerServer', value } };
}

const SELECTS: Fields<Selector> = { roles: 1, states: 1, labels: 1 };

/** Throws VALUE_INVALID. */
export function selectorOf(selector: Selector): NodeSelector {
  const { roles = [], states = [], labels = {} } = known('the selector', selector, SELECTS);
  return {
    roles: textList('roles', roles).map((role) => roleOf(role as RoleName)),
    states: textList('states', states).map((state) => stateOf(state as StateName)),
    labels: texts('labels', labels),
  };
}

const FORMS: readonly string[] = [
  'kick_players',
  'show_message',
  'run_console_command',
  'verify_player',
  ...MOVE_NAMES,
];

/** Whether the contract has a command of this name. */
export function isFormName(name: string): name is FormName {
  return FORMS.includes(name);
}

/** A copy. Throws VALUE_INVALID or OUT_OF_RANGE; the coordinator checks the rest. */
export function commandOf(command: AnyCommand): Command {
  const [name, ...others] = Object.keys(object('command', command));
  if (name !== undefined && others.length === 0 && name !== 'custom' && !isFormName(name)) {
    const custom = `{ custom: { name: ${shown(name)}, content } }`;
    throw invalid(`command ${shown(name)} is not of the contract; write ${custom}`, 'command');
  }
  onlyKey('command', command, [...FORMS, 'custom']);
  return { form: formOf(command) };
}

function formOf(command: AnyCommand): Form {
  if ('custom' in command) {
    const { name, content } = object('command.custom', command.custom) as typeof command.custom;
    const value = { name: text('command.custom.name', name), content: contentOf(content) };
    return { $case: 'custom', value };
  }
  if ('kick_players' in command) {
    const { players, message } = command.kick_players;
    const value = { players: wireRefs(players), message: text('message', message) };
    return { $case: 'kickPlayers', value };
  }
  if ('show_message' in command) {
    const { players, display } = command.show_message;
    const value = { players: wireRefs(players), display: displayOf(display) };
    return { $case: 'showMessage', value };
  }
  if ('run_console_command' in command) {
    const line = text('line', command.run_console_command.line);
    return { $case: 'runConsoleCommand', value: { line } };
  }
  if ('verify_player' in command) {
    return { $case: 'verifyPlayer', value: { player: wireRef(command.verify_player.player) } };
  }
  return moveFormOf(command);
}

function wireRefs(players: readonly PlayerRef[]) {
  if (Array.isArray(players)) return Array.from(players, wireRef);
  throw invalid(`players is ${shown(players)}; it must be a list`, 'players');
}

/** A command's name, and its request as a handler gets it. Undefined for a form that this version does not have. */
export function requestOf(form: Form | undefined): { name: string; request: unknown } | undefined {
  switch (form?.$case) {
    case 'kickPlayers': {
      const { players, message } = form.value;
      return { name: 'kick_players', request: { players: players.map(refOf), message } };
    }
    case 'showMessage': {
      const display = form.value.display && displayFrom(form.value.display);
      if (!display) return undefined;
      const request = { players: form.value.players.map(refOf), display };
      return { name: 'show_message', request };
    }
    case 'runConsoleCommand':
      return { name: 'run_console_command', request: { line: form.value.line } };
    case 'verifyPlayer':
      if (!form.value.player) return undefined;
      return { name: 'verify_player', request: { player: refOf(form.value.player) } };
    case 'custom':
      return { name: form.value.name, request: form.value.content?.form?.value };
    default:
      return form && moveRequestOf(form);
  }
}
