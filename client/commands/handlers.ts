/**
 * The commands that this node does. A request that is under way when its stream breaks is answered on
 * the next one; what is not wanted any more is aborted, and its answer dropped.
 */
import {
  CommandOutput,
  type CommandReply,
  type CommandRequest,
} from '../../gen/ts/kelpie/v1/command.js';
import { callback, shown } from '../core/arguments.js';
import { outputOf, customOutputOf, failuresOf } from './replies.js';
import { type FormName, type Forms, type PlayerRef, requestOf } from './commands.js';
import type { Cancel, Clock } from '../core/clock.js';
import { msOf } from '../core/duration.js';
import { closedError, KelpieError, messageOf } from '../errors.js';
import type { Link } from '../connection/link.js';
import { cutText } from '../core/text.js';
import type { MessageContent } from '../events/content.js';

/** Requests under way; more are answered with a failure. */
const RUNNING = 1000;
/** Names that a node can say that it does. */
const NAMES = 256;
const NAME = /^[a-z0-9][a-z0-9._-]{0,62}$/;
/** Of what a failure says: at most 4 KiB, whatever the letters. */
const MESSAGE_LETTERS = 1024;
/** Of an answer, where the coordinator does not say what it takes. */
const ANSWER_BYTES = 256 * 1024;

/** The facts of a request, for its handler. */
export interface CommandContext {
  /** The name of the node that asks; empty if the issuer has no session. */
  readonly source: string;
  /** How many milliseconds the issuer still waited when the request came. */
  readonly timeLeftMs: number;
  /** Aborts when nobody waits for the reply any more: the issuer withdrew, time is up, or the client closed. */
  readonly signal: AbortSignal;
  readonly attributes: Readonly<Record<string, string>>;
}

/** Does a command of the contract. The issuer gets the message of what it throws. */
export type FormHandler<Name extends FormName> = (
  request: Forms[Name]['request'],
  context: CommandContext,
) => Forms[Name]['reply'] | Promise<Forms[Name]['reply']>;

/** Does a command of another name: content in, content out. */
export type CustomHandler = (
  content: MessageContent | undefined,
  context: CommandContext,
  // eslint-disable-next-line @typescript-eslint/no-invalid-void-type -- returning nothing is an answer
) => MessageContent | void | Promise<MessageContent | void>;

type AnyHandler = (request: never, context: CommandContext) => unknown;

/** A handler that is in place. */
export interface Handling {
  readonly name: string;
  /** Removes the handler. It still answers the requests that it has begun. Safe to call again. */
  close(): void;
}

/** What the handlers need of their client. */
export interface HandlersOptions {
  readonly clock: Clock;
  readonly link: () => Link | undefined;
  /** Throws if a node cannot do all these. */
  readonly admit: (names: readonly string[]) => void;
  /** Other names are done now. */
  readonly onNames: () => void;
  /** Whether a player is here, under this generation. */
  readonly holds: (player: PlayerRef) => boolean;
  /** An answer was refused. */
  readonly onRefused: (error: KelpieError) => void;
}

interface Running {
  readonly commandId: number;
  readonly abort: AbortController;
  readonly timer: Cancel;
  /** Waits to be confirmed. */
  outcome: CommandReply['outcome'];
}

export class Handlers {
  readonly #options: HandlersOptions;
  readonly #handlers = new Map<string, AnyHandler>();
  readonly #running = new Map<number, Running>();

  constructor(options: HandlersOptions) {
    this.#options = options;
  }

  /** What to tell the coordinator that this node does. */
  get names(): string[] {
    return [...this.#handlers.keys()];
  }

  /** Requests that are not answered yet. */
  get pending(): number {
    return this.#running.size;
  }

  /**
   * Throws COMMAND_INVALID for what is no name, is handled already, or is one too many; VALUE_INVALID for
   * what is no handler; HELLO_TOO_LARGE.
   */
  add(name: string, handler: AnyHandler): Handling {
    if (typeof name !== 'string' || !NAME.test(name))
      throw invalid(`${shown(name)} cannot be the name of a command`);
    callback(`the handler of "${name}"`, handler);
    if (this.#handlers.has(name)) throw invalid(`"${name}" is handled already`);
    if (this.#handlers.size >= NAMES) throw invalid(`a node does at most ${NAMES} commands`);
    this.#options.admit([...this.names, name]);
    this.#handlers.set(name, handler);
    this.#options.onNames();
    const close = (): void => {
      if (this.#handlers.get(name) !== handler) return;
      this.#handlers.delete(name);
      this.#options.onNames();
    };
    return { name, close };
  }

  /** Takes a request, and answers it when its handler has. */
  take({ commandId, source, command, timeLeft, attributes }: CommandRequest): void {
    const asked = requestOf(command?.form);
    const handler = asked && this.#handlers.get(asked.name);
    if (!handler) return this.#refuse(commandId, 'this node does not do it');
    if (this.#running.size >= RUNNING) {
      return this.#refuse(commandId, `${RUNNING} commands are under way here; no more fit`);
    }
    const abort = new AbortController();
    const timeLeftMs = msOf(timeLeft, 0);
    const timer = this.#options.clock.after(timeLeftMs, () => this.cancel(commandId));
    const running: Running = { commandId, abort, timer, outcome: undefined };
    this.#running.set(commandId, running);
    const context = { source, timeLeftMs, signal: abort.signal, attributes };
    void this.#run(running, () => this.#do(asked.name, asked.request, handler, context));
  }

  async #run(running: Running, work: () => Promise<CommandReply['outcome']>): Promise<void> {
    try {
      running.outcome = await work();
    } catch (error) {
      running.outcome = failureOf(error);
    }
    if (this.#running.get(running.commandId) === running) this.#reply(running);
  }

  async #do(name: string, request: unknown, handler: AnyHandler, context: CommandContext) {
    const ask = (about: unknown) => (handler as CustomHandler)(about as MessageContent, context);
    if (name === 'kick_players' || name === 'show_message') {
      const value = await this.#doWithPlayers(name, request as PlayersRequest, ask);
      return { $case: 'output', value } as const;
    }
    const returned = await ask(request);
    const isForm = name === 'run_console_command' || name === 'verify_player';
    const value = isForm
      ? outputOf(name, request as never, returned as never)
      : customOutputOf(returned as MessageContent | undefined);
    return { $case: 'output', value } as const;
  }

  /** The handler sees those who are here; that others are not is returned for it. */
  async #doWithPlayers(
    name: 'kick_players' | 'show_message',
    request: PlayersRequest,
    ask: (request: PlayersRequest) => unknown,
  ) {
    const here = request.players.filter((player) => this.#options.holds(player));
    const gone = request.players.filter((player) => !here.includes(player));
    const returned = here.length > 0 ? await ask({ ...request, players: here }) : undefined;
    const missing = gone.map(({ id }) => ({ id, message: 'the player is not here any more' }));
    return outputOf(name, request as never, [...failuresOf(name, returned), ...missing]);
  }

  #refuse(commandId: number, message: string): void {
    const outcome = failureOf(new Error(message));
    this.#options.link()?.send({ $case: 'commandReply', value: { commandId, outcome } });
  }

  /** Sends an answer. Where no stream is open, or it breaks before it is confirmed: on the next one. */
  #reply(running: Running): void {
    const link = this.#options.link();
    if (!link?.open) return;
    const { commandId } = running;
    const outcome = (running.outcome = fitting(running.outcome, link.limits?.payloadBytes));
    link.request({ $case: 'commandReply', value: { commandId, outcome } }).then(
      () => this.#end(running),
      (error: unknown) => this.#unconfirmed(running, error),
    );
  }

  #unconfirmed(running: Running, error: unknown): void {
    if (this.#running.get(running.commandId) !== running) return;
    if (!(error instanceof KelpieError)) return this.#end(running);
    if (error.reason === 'UNAVAILABLE' || error.reason === 'REQUEST_QUEUE_FULL') return;
    this.#end(running);
    // Too late is nobody's mistake.
    if (error.reason !== 'COMMAND_NOT_FOUND') this.#options.onRefused(error);
  }

  /** A new stream is open: answers that it may not have got go out again. */
  restart(): void {
    for (const running of this.#running.values()) if (running.outcome) this.#reply(running);
  }

  /** The answer is not wanted any more. */
  cancel(commandId: number): void {
    const running = this.#running.get(commandId);
    if (!running) return;
    this.#end(running);
    running.abort.abort();
  }

  #end({ commandId, timer }: Running): void {
    timer();
    this.#running.delete(commandId);
  }

  close(): void {
    for (const running of this.#running.values()) {
      running.timer();
      running.abort.abort(closedError());
    }
    this.#running.clear();
  }
}

type PlayersRequest = Forms['kick_players']['request'] | Forms['show_message']['request'];

/** The outcome as it can be sent: what was asked fails alone where its answer cannot. */
function fitting(
  outcome: CommandReply['outcome'],
  mostBytes = ANSWER_BYTES,
): CommandReply['outcome'] {
  if (outcome?.$case !== 'output') return outcome;
  try {
    const bytes = CommandOutput.encode(outcome.value).finish().length;
    if (bytes <= mostBytes) return outcome;
    const message = `the answer has ${bytes} bytes; the limit is ${mostBytes}`;
    return failureOf(new KelpieError('PAYLOAD_TOO_LARGE', message));
  } catch (error) {
    return failureOf(error);
  }
}

function failureOf(error: unknown) {
  const message = cutText(messageOf(error), MESSAGE_LETTERS);
  return { $case: 'failure', value: { message } } as const;
}

function invalid(message: string): KelpieError {
  return new KelpieError('COMMAND_INVALID', message, { permanent: true });
}
