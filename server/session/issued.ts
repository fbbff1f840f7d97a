/** The commands that one session issued: those under way, and the results that it has not read. */
import type { IssueCommandRequest } from '../../gen/ts/kelpie/v1/command_service.js';
import type { OpenAct } from '../access/act.js';
import type { Cancel } from '../core/clock.js';
import { KelpieError, outOfRange } from '../core/errors.js';
import { limitError } from '../commands/errors.js';
import type { Access } from '../access/access.js';
import { refusalOf } from '../access/table.js';
import type { Commands, NodeResult } from '../commands/commands.js';
import { wireResult } from '../commands/result.js';
import type { Refusal } from '../commands/targets.js';
import type { CommandWeight } from '../commands/pending.js';
import type { Frame } from '../delivery/frames.js';
import { frameOffer, type Outbound } from './outbound.js';

/** Commands under way of one issuer: a session, or a connection of calls. */
export const COMMANDS = 256;
/** Nodes that are asked, and unread results. Each result has a frame, even if its answer is lost. */
export const ASKS = 10_000;
export const BYTES = 8 * 1024 * 1024;

interface Open {
  readonly requestId: number;
  /** Nodes of which no result has come. */
  asks: number;
  bytes: number;
  cancel: Cancel | undefined;
}

export class Issued {
  readonly #commands: Commands;
  readonly #outbound: Outbound;
  readonly #name: string;
  readonly #refusal: Refusal;
  readonly #open = new Map<number, Open>();
  #asks = 0;
  #bytes = 0;

  constructor(
    commands: Commands,
    { outbound, name, access }: { outbound: Outbound; name: string; access: Access },
  ) {
    this.#refusal = refusalOf(access);
    this.#commands = commands;
    this.#outbound = outbound;
    this.#name = name;
  }

  /** Whether a command under way has this id. */
  uses(requestId: number): boolean {
    return this.#open.has(requestId);
  }

  /** Issues a command; its results are frames under the request's id. Throws what IssueCommand names. */
  issue(requestId: number, request: IssueCommandRequest, act?: OpenAct): void {
    if (requestId === 0) throw requestIdError('a command needs a request_id above 0');
    if (this.#open.size >= COMMANDS || this.#asks >= ASKS) throw tooMany();
    const open: Open = { requestId, asks: 0, bytes: 0, cancel: undefined };
    const onResult = (result: NodeResult): void => {
      this.#take(open, result);
      act?.answered({ result: resultFrame(result).value });
      if (result.last) act?.end();
    };
    const admit = (weight: CommandWeight): void => this.#admit(open, weight);
    const refusal = this.#refusal;
    // All results may come at once, if no node could get the command.
    open.cancel = this.#commands.issue(request, this.#name, onResult, { admit, refusal });
  }

  #admit(open: Open, { asks, bytes }: CommandWeight): void {
    if (this.#asks + asks > ASKS || this.#bytes + bytes > BYTES) throw tooMany();
    this.#asks += asks;
    this.#bytes += bytes;
    Object.assign(open, { asks, bytes });
    this.#open.set(open.requestId, open);
  }

  #take(open: Open, result: NodeResult): void {
    open.asks -= 1;
    this.#send(open.requestId, result);
    if (!result.last) return;
    // The other nodes give no result.
    this.#asks -= open.asks;
    this.#bytes -= open.bytes;
    this.#open.delete(open.requestId);
  }

  #send(requestId: number, result: NodeResult): void {
    const read = (): void => void (this.#asks -= 1);
    if (this.#outbound.offer(frameOffer(resultFrame(result), requestId, read))) return;
    this.#outbound.queue(frameOffer(resultFrame(unread(result)), requestId, read));
  }

  /** Withdraws a command. A command that has ended is no error. */
  cancel(requestId: number): void {
    this.#open.get(requestId)?.cancel?.();
  }

  /** The stream is gone: withdraws all commands. */
  close(): void {
    for (const { cancel } of [...this.#open.values()]) cancel?.();
  }
}

/** Throws if a request under way has the id. */
export function checkFree(requestId: number, ...users: readonly Pick<Issued, 'uses'>[]): void {
  if (!users.some((one) => one.uses(requestId))) return;
  throw requestIdError(
    `the request_id ${requestId} is in use by a request under way, which goes on; give this one another`,
  );
}

/** The error for a request_id that is 0 or in use. */
export function requestIdError(message: string): KelpieError {
  return outOfRange('request_id', 1, message);
}

/** The error for an issuer that has too much under way. */
export function tooMany(): KelpieError {
  const message = `an issuer has at most ${COMMANDS} commands under way, of ${BYTES} bytes, which ask ${ASKS} nodes; wait for some of their results, and read them`;
  return limitError(message, COMMANDS);
}

/** The result of one node, as the frame that its issuer gets. */
export function resultFrame(result: NodeResult): Frame & { $case: 'commandResult' } {
  return { $case: 'commandResult', value: wireResult(result) };
}

/** The result where its answer found no room with the issuer. */
export function unread(result: NodeResult): NodeResult {
  const message = 'the output is lost: more came than the issuer reads';
  return { ...result, outcome: new KelpieError('COMMAND_LIMIT', message, { name: result.node }) };
}
