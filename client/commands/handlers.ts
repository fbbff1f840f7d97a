/**
 * The commands that this node handles. If a stream breaks while a handler works, the node replies on the next stream.
 * If nobody waits for a reply any more, the client aborts the handler's signal and drops the reply.
 */
import {
  CommandOutput,
  type CommandReply,
  type CommandRequest,
} from '../../gen/ts/kelpie/v1/command.js';
import { callback, shown } from '../core/arguments.js';
import { outputOf, customOutputOf, failuresOf } from './replies.js';
import { type FormName, type Forms, isFormName, requestOf } from './commands.js';
import type { TransferPlayer } from './moves.js';
import type { PlayerRef } from './refs.js';
import type { Cancel, Clock } from '../core/clock.js';
import { msOf } from '../core/duration.js';
import { closedError, KelpieError, messageOf } from '../errors.js';
import type { Link } from '../connection/link.js';
import { cutText } from '../core/text.js';
import type { MessageContent } from '../events/content.js';

/** The most requests that handlers work on at once. The node answers more with a failure. */
const RUNNING = 1000;
/** The most names that a node can have handlers for. */
const NAMES = 256;
const NAME_RULE =
  'a name has 1 to 63 of a-z, 0-9, ".", "_" and "-", and begins with a letter or digit';
const NAME = /^[a-z0-9][a-z0-9._-]{0,62}$/;
/** The most code points of a failure's message: 4 KiB with any characters. */
const MESSAGE_LENGTH = 1024;
/** The largest reply, if the coordinator names no limit. */
const REPLY_BYTES = 256 * 1024;

/** The failure for a player whom this node does not hold, or holds under another generation. */
const GONE = 'the player is not here any more';

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

/** Handles a command of the contract. If it throws, the issuer gets the message of the error. */
export type FormHandler<Name extends FormName> = (
  request: Forms[Name]['request'],
  context: CommandContext,
) => Forms[Name]['reply'] | Promise<Forms[Name]['reply']>;

/** Handles a command of any other name. It takes content and returns content. */
export type CustomHandler = (
  content: MessageContent | undefined,
  context: CommandContext,
  // eslint-disable-next-line @typescript-eslint/no-invalid-void-type -- to return nothing is a reply
) => MessageContent | void | Promise<MessageContent | void>;

type AnyHandler = (request: never, context: CommandContext) => unknown;

/** A handler that is in place. */
export interface Handling {
  readonly name: string;
  /** Removes the handler. It still answers the requests that it has begun. Safe to call again. */
  close(): void;
}

/** The functions of the client that the handlers use. */
export interface HandlersOptions {
  readonly clock: Clock;
  readonly link: () => Link | undefined;
  /** Throws if a node cannot handle this many names. */
  readonly admit: (names: readonly string[]) => void;
  /** The names that have a handler have changed. */
  readonly onNames: () => void;
  /** Whether a player is on this node with this generation. */
  readonly holds: (player: PlayerRef) => boolean;
  /** The coordinator refused a reply. */
  readonly onRefused: (error: KelpieError) => void;
}

interface Running {
  readonly commandId: number;
  readonly abort: AbortController;
  readonly timer: Cancel;
  /** The reply that the coordinator has not confirmed; undefined while the handler works. */
  outcome: CommandReply['outcome'];
}

export class Handlers {
  readonly #options: HandlersOptions;
  readonly #handlers = new Map<string, AnyHandler>();
  readonly #running = new Map<number, Running>();

  constructor(options: HandlersOptions) {
    this.#options = options;
  }

  /** The names that have a handler. */
  get names(): string[] {
    return [...this.#handlers.keys()];
  }

  /** The number of requests without a confirmed reply. */
  get pending(): number {
    return this.#running.size;
  }

  /**
   * Throws COMMAND_INVALID if the name is not valid or has a handler, or if the node has too many handlers;
   * VALUE_INVALID if the handler is not a function; HELLO_TOO_LARGE.
   */
  add(name: string, handler: AnyHandler): Handling {
    if (typeof name !== 'string' || !NAME.test(name))
      throw invalid(`${shown(name)} cannot be the name of a command: ${NAME_RULE}`);
    callback(`the handler of "${name}"`, handler);
    if (this.#handlers.has(name)) throw invalid(`"${name}" has a handler already`);
    if (this.#handlers.size >= NAMES) throw invalid(`a node handles at most ${NAMES} commands`);
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

  /** Takes a request and runs its handler. */
  take({ commandId, source, command, timeLeft, attributes }: CommandRequest): void {
    const asked = requestOf(command?.form);
    const handler = asked && this.#handlers.get(asked.name);
    if (!handler) return this.#refuse(commandId, 'this node has no handler for the command');
    if (this.#running.size >= RUNNING) {
      return this.#refuse(
        commandId,
        `this node works on ${RUNNING} commands already; try again later`,
      );
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
    if (name === 'transfer_player') this.#checkHeld(request as TransferPlayer);
    const returned = await ask(request);
    const value = isFormName(name)
      ? outputOf(name, request as never, returned as never)
      : customOutputOf(returned as MessageContent | undefined);
    return { $case: 'output', value } as const;
  }

  /** The handler gets the players who are on this node. The reply names the others as failures. */
  async #doWithPlayers(
    name: 'kick_players' | 'show_message',
    request: PlayersRequest,
    ask: (request: PlayersRequest) => unknown,
  ) {
    const here = request.players.filter((player) => this.#options.holds(player));
    const gone = request.players.filter((player) => !here.includes(player));
    const returned = here.length > 0 ? await ask({ ...request, players: here }) : undefined;
    const missing = gone.map(({ id }) => ({ id, message: GONE }));
    return outputOf(name, request as never, [...failuresOf(name, returned), ...missing]);
  }

  #checkHeld({ player }: TransferPlayer): void {
    if (!this.#options.holds(player)) throw new Error(GONE);
  }

  #refuse(commandId: number, message: string): void {
    const outcome = failureOf(new Error(message));
    this.#options.link()?.send({ $case: 'commandReply', value: { commandId, outcome } });
  }

  /** Sends a reply. If no stream is open, or the stream breaks before the confirmation, `restart` sends it again. */
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
    // The command is over: a late reply is not a mistake.
    if (error.reason !== 'COMMAND_NOT_FOUND') this.#options.onRefused(error);
  }

  /** A new stream is open: sends each reply again that the coordinator has not confirmed. */
  restart(): void {
    for (const running of this.#running.values()) if (running.outcome) this.#reply(running);
  }

  /** Nobody waits for the reply any more. */
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

/** The outcome, or a failure if the outcome is too large or cannot be encoded: only this command fails then. */
function fitting(
  outcome: CommandReply['outcome'],
  mostBytes = REPLY_BYTES,
): CommandReply['outcome'] {
  if (outcome?.$case !== 'output') return outcome;
  try {
    const bytes = CommandOutput.encode(outcome.value).finish().length;
    if (bytes <= mostBytes) return outcome;
    const message = `the reply has ${bytes} bytes; the limit is ${mostBytes}`;
    return failureOf(new KelpieError('PAYLOAD_TOO_LARGE', message));
  } catch (error) {
    return failureOf(error);
  }
}

function failureOf(error: unknown) {
  const message = cutText(messageOf(error), MESSAGE_LENGTH);
  return { $case: 'failure', value: { message } } as const;
}

function invalid(message: string): KelpieError {
  return new KelpieError('COMMAND_INVALID', message, { permanent: true });
}
