/** Commands as programs say them, and as the contract does. Pure. */
import type {
  Command,
  CommandAnswer,
  CommandTarget,
  Display,
  NodeSelector,
} from '../gen/ts/kelpie/v1/command.js';
import { ErrorDetail, ErrorReason } from '../gen/ts/kelpie/v1/error.js';
import { NodeRole, NodeState } from '../gen/ts/kelpie/v1/node.js';
import { durationOf, msOf } from './duration.js';
import { fromWire, KelpieError } from './errors.js';
import { contentOf, type MessageContent } from './received.js';

/** A player's presence: not the one that he may have when he comes back. */
export interface PlayerRef {
  readonly id: string;
  readonly generation: number;
}

/** A player with whom it was not done, and why. */
export interface PlayerFailure {
  readonly id: string;
  readonly message: string;
}

/** What became of one player. */
export interface PlayerResult {
  readonly id: string;
  /** Set if it was not done. */
  readonly error?: KelpieError;
}

/** What a console said. */
export interface ConsoleOutput {
  readonly success: boolean;
  readonly lines: readonly string[];
}

/** Whether a player is really there; without `silenceMs` his client counts as heard just now. */
export interface Verified {
  readonly connected: boolean;
  readonly silenceMs?: number;
}

// eslint-disable-next-line @typescript-eslint/no-invalid-void-type -- a handler that returns nothing has done all
type PlayersAnswer = void | readonly PlayerFailure[];

/** The commands that the contract names: what is asked, what a handler returns, what the issuer gets. */
export interface Forms {
  kick_players: {
    request: { readonly players: readonly PlayerRef[]; readonly message: string };
    answer: PlayersAnswer;
    result: readonly PlayerResult[];
  };
  show_message: {
    request: {
      readonly players: readonly PlayerRef[];
      readonly display: NonNullable<Display['form']>;
    };
    answer: PlayersAnswer;
    result: readonly PlayerResult[];
  };
  run_console_command: {
    request: { readonly line: string };
    /** Lines alone: it succeeded. */
    answer: string | readonly string[] | ConsoleOutput;
    result: ConsoleOutput;
  };
  verify_player: { request: { readonly player: PlayerRef }; answer: Verified; result: Verified };
}

export type FormName = keyof Forms;

/** A command to issue: one of the contract's, or one under a name of its own. */
export type AnyCommand =
  | { [Name in FormName]: Readonly<Record<Name, Forms[Name]['request']>> }[FormName]
  | { readonly custom: { readonly name: string; readonly content: MessageContent } };

/** What a node says to a command. */
export type ResultOf<C> = C extends { custom: unknown }
  ? MessageContent | undefined
  : {
      [Name in FormName]: C extends Record<Name, unknown> ? Forms[Name]['result'] : never;
    }[FormName];

/** Nodes that match each of these; what is left out matches any. */
export interface Selector {
  readonly roles?: readonly ('PROXY' | 'DOWNSTREAM' | 'BACKEND')[];
  readonly states?: readonly Exclude<keyof typeof NodeState, 'UNSPECIFIED'>[];
  readonly labels?: Readonly<Record<string, string>>;
}

/** Who is asked. Of nodes, only those that do the command count. */
export type Target =
  | { readonly node: string }
  | { readonly every: Selector }
  /** One of them, another one each time. */
  | { readonly any: Selector }
  /** By the player's id. */
  | { readonly playerProxy: string }
  | { readonly playerServer: string };

type Form = NonNullable<Command['form']>;
type AnswerForm = NonNullable<CommandAnswer['form']>;

export function targetOf(target: Target): CommandTarget {
  if ('node' in target) return { place: { $case: 'node', value: target.node } };
  if ('every' in target) return { place: { $case: 'every', value: selectorOf(target.every) } };
  if ('any' in target) return { place: { $case: 'any', value: selectorOf(target.any) } };
  if ('playerProxy' in target)
    return { place: { $case: 'playerProxy', value: target.playerProxy } };
  return { place: { $case: 'playerServer', value: target.playerServer } };
}

function selectorOf({ roles = [], states = [], labels = {} }: Selector): NodeSelector {
  return {
    roles: roles.map((role) => NodeRole[role]),
    states: states.map((state) => NodeState[state]),
    labels: { ...labels },
  };
}

export function commandOf(command: AnyCommand): Command {
  return { form: formOf(command) };
}

function formOf(command: AnyCommand): Form {
  if ('custom' in command) {
    const { name, content } = command.custom;
    return { $case: 'custom', value: { name, content: contentOf(content) } };
  }
  if ('kick_players' in command) {
    const { players, message } = command.kick_players;
    return { $case: 'kickPlayers', value: { players: players.map(wireRef), message } };
  }
  if ('show_message' in command) {
    const { players, display } = command.show_message;
    const value = { players: players.map(wireRef), display: { form: display } };
    return { $case: 'showMessage', value };
  }
  if ('run_console_command' in command) {
    return { $case: 'runConsoleCommand', value: { ...command.run_console_command } };
  }
  return { $case: 'verifyPlayer', value: { player: wireRef(command.verify_player.player) } };
}

function wireRef({ id: playerId, generation }: PlayerRef) {
  return { playerId, generation };
}

function refOf({ playerId: id, generation }: { playerId: string; generation: number }): PlayerRef {
  return { id, generation };
}

/** A request as its handler gets it, under its name. Undefined if it says nothing that is known. */
export function requestOf(form: Form | undefined): { name: string; request: unknown } | undefined {
  switch (form?.$case) {
    case 'kickPlayers': {
      const { players, message } = form.value;
      return { name: 'kick_players', request: { players: players.map(refOf), message } };
    }
    case 'showMessage': {
      const { players, display } = form.value;
      if (!display?.form) return undefined;
      const request = { players: players.map(refOf), display: display.form };
      return { name: 'show_message', request };
    }
    case 'runConsoleCommand':
      return { name: 'run_console_command', request: { line: form.value.line } };
    case 'verifyPlayer':
      if (!form.value.player) return undefined;
      return { name: 'verify_player', request: { player: refOf(form.value.player) } };
    case 'custom':
      return { name: form.value.name, request: form.value.content?.form?.value };
    case undefined:
      return undefined;
  }
}

/** What a handler returned to a form of the contract, on the wire. */
export function answerOf<Name extends FormName>(
  name: Name,
  request: Forms[Name]['request'],
  said: Forms[Name]['answer'],
): CommandAnswer;
export function answerOf(name: FormName, request: unknown, said: unknown): CommandAnswer {
  if (name === 'run_console_command') return { form: consoleForm(said) };
  if (name === 'verify_player') {
    const { connected, silenceMs = 0 } = said as Verified;
    return { form: { $case: 'verified', value: { connected, silence: durationOf(silenceMs) } } };
  }
  const { players } = request as Forms['kick_players']['request'];
  const failures = new Map(
    ((said ?? []) as readonly PlayerFailure[]).map(({ id, message }) => [id, message]),
  );
  const outcomes = players.map(({ id: playerId }) => {
    const message = failures.get(playerId);
    return { playerId, error: message === undefined ? undefined : failed(message) };
  });
  return { form: { $case: 'players', value: { outcomes } } };
}

/** What a handler returned to a command of another name; nothing is an answer without content. */
export function customAnswer(said: MessageContent | undefined): CommandAnswer {
  const value = said === undefined ? { form: undefined } : contentOf(said);
  return { form: { $case: 'custom', value } };
}

/** gRPC's code for what has no better one. */
const UNKNOWN = 2;

function failed(message: string): ErrorDetail {
  return ErrorDetail.create({ reason: ErrorReason.COMMAND_FAILED, code: UNKNOWN, message });
}

function consoleForm(said: unknown): AnswerForm {
  const output = said as Forms['run_console_command']['answer'];
  if (typeof output === 'string') {
    return { $case: 'console', value: { success: true, lines: output.split('\n') } };
  }
  const { success, lines } = 'lines' in output ? output : { success: true, lines: output };
  return { $case: 'console', value: { success, lines: [...lines] } };
}

/** What a node answered, for the issuer. */
export function resultOf({ form }: CommandAnswer): unknown {
  switch (form?.$case) {
    case 'players':
      return form.value.outcomes.map(({ playerId: id, error }): PlayerResult =>
        error ? { id, error: fromWire(error) } : { id },
      );
    case 'console':
      return form.value;
    case 'verified': {
      const { connected, silence } = form.value;
      return { connected, silenceMs: msOf(silence, 0) };
    }
    case 'custom':
      return form.value.form?.value;
    case undefined:
      return undefined;
  }
}
