/** An issued command, until its last result. */
import { CommandResult as WireResult } from '../../gen/ts/kelpie/v1/command.js';
import type { IssueCommandRequest } from '../../gen/ts/kelpie/v1/command_service.js';
import { replyOf } from './replies.js';
import {
  type AnyCommand,
  commandOf,
  isFormName,
  type ResultOf,
  type Target,
  targetOf,
} from './commands.js';
import { invalid, shown, texts, UINT32, whole } from '../core/arguments.js';
import { type Fields, known } from '../core/known.js';
import type { MessageContent } from '../events/content.js';
import { deadlineOf } from '../core/deadline.js';
import { fromThrown, fromWire, KelpieError } from '../errors.js';
import type { Link } from '../connection/link.js';
import { type Answer, unanswered, type Waiter } from '../connection/requests.js';
import { Results, UNREAD_BYTES } from '../connection/results.js';

const TIMEOUT_MS = 10_000;

/** How a command is issued. */
export interface IssueOptions {
  /** How many milliseconds the command may take: above 0, at most 300,000. Default 10,000. */
  readonly timeoutMs?: number;
  /** Withdraws the command: nodes that have not replied give CANCELLED. */
  readonly signal?: AbortSignal;
  /** Facts beside the command, for traces. */
  readonly attributes?: Readonly<Record<string, string>>;
}

/** A command and its target. */
export interface Issue<C extends AnyCommand> extends IssueOptions {
  readonly target: Target;
  readonly command: C;
  /** The command ends after this many replies; errors do not count. Default: after all replies. */
  readonly maxReplies?: number;
}

/** The reply of one node, or the error that came instead. */
export type CommandResult<Reply> =
  | { readonly node: string; readonly reply: Reply; readonly error?: undefined }
  | { readonly node: string; readonly reply?: undefined; readonly error: KelpieError };

/** Issues the command at once, even if nobody reads the results yet. */
export function issue<C extends AnyCommand>(
  link: Link | undefined,
  options: Issue<C>,
): AsyncGenerator<CommandResult<ResultOf<C>>, void> {
  return new Issued<ResultOf<C>>(link, requestOf(options), options.signal).results();
}

const ISSUE_FIELDS: Fields<IssueOptions> = { timeoutMs: 1, signal: 1, attributes: 1 };

/** The options of a call of a custom command, as `issue` takes them. Throws VALUE_INVALID or COMMAND_INVALID. */
export function customIssue(
  target: Target,
  name: string,
  content: MessageContent,
  options: IssueOptions,
) {
  if (isFormName(name)) {
    const message = `call is for names of your own; use issue({ target, command: { ${name}: … } })`;
    throw new KelpieError('COMMAND_INVALID', message, { permanent: true });
  }
  const command = { custom: { name, content } };
  return {
    ...known('the options object of call', options, ISSUE_FIELDS),
    target,
    command,
    maxReplies: 1,
  };
}

/** The first reply. Throws the first error if there is none. */
export async function firstReply<Reply>(
  results: AsyncIterable<CommandResult<Reply>>,
): Promise<Reply> {
  let failure: KelpieError | undefined;
  for await (const { reply, error } of results) {
    if (!error) return reply;
    failure ??= error;
  }
  throw failure ?? new KelpieError('PROTOCOL', 'a command ended without a result');
}

/** Throws DEADLINE_INVALID, VALUE_INVALID or OUT_OF_RANGE. */
function requestOf<C extends AnyCommand>(options: Issue<C>): IssueCommandRequest {
  const fields = { ...ISSUE_FIELDS, target: 1, command: 1, maxReplies: 1 };
  const {
    target,
    command,
    timeoutMs = TIMEOUT_MS,
    maxReplies = 0,
    attributes = {},
    signal,
  } = known('the options object of issue', options, fields);
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw invalid(`signal is ${shown(signal)}; it must be an AbortSignal`, 'signal');
  return {
    target: targetOf(target),
    command: commandOf(command),
    timeout: deadlineOf(timeoutMs),
    maxReplies: whole('maxReplies', maxReplies, 0, UINT32),
    attributes: texts('attributes', attributes),
  };
}

class Issued<Reply> implements Waiter {
  readonly #link: Link | undefined;
  readonly #signal: AbortSignal | undefined;
  /** At most one result of each node. */
  readonly #results = new Results<CommandResult<Reply>>();
  #requestId: number | undefined;
  readonly #cancel = (): void => this.cancel();

  constructor(link: Link | undefined, value: IssueCommandRequest, signal: AbortSignal | undefined) {
    this.#link = link;
    this.#signal = signal;
    signal?.addEventListener('abort', this.#cancel);
    try {
      if (signal?.aborted) throw cancelled();
      if (!link) throw unanswered();
      this.#requestId = link.issue({ $case: 'issueCommand', value }, this);
    } catch (error) {
      this.#finish(fromThrown(error));
    }
  }

  answer(answer: Answer): boolean {
    if (answer.$case !== 'commandResult') return false;
    const { value } = answer;
    if (this.#results.ended) return value.last;
    const measure = (): number => WireResult.encode(value).finish().length;
    const fits = this.#results.push(resultOf<Reply>(value), measure);
    if (value.last) this.#finish();
    else if (!fits) this.#giveUp();
    return value.last;
  }

  /** If the stream broke, the outcome is unknown. The client does not send the command again. */
  fail(error: KelpieError): void {
    this.#finish(error.reason === 'UNAVAILABLE' ? outcomeUnknown() : error);
  }

  #finish(error?: KelpieError): void {
    this.#results.end(error);
    this.#signal?.removeEventListener('abort', this.#cancel);
  }

  #giveUp(): void {
    this.cancel();
    const message = `more than ${UNREAD_BYTES} bytes of results wait to be read; read them faster, or ask fewer nodes`;
    this.#finish(new KelpieError('RESULTS_UNREAD', message));
  }

  /** Withdraws the command. The nodes that have not replied still give a result: CANCELLED. */
  cancel(): void {
    if (this.#results.ended || this.#requestId === undefined) return;
    const value = { issuedRequestId: this.#requestId };
    this.#link?.send({ $case: 'cancelCommand', value });
  }

  /** The results as they come. If the reader stops, the command is withdrawn. */
  async *results(): AsyncGenerator<CommandResult<Reply>, void> {
    try {
      yield* this.#results.read();
    } finally {
      this.cancel();
    }
  }
}

/** A result of the contract, as its issuer gets it. */
export function resultOf<Reply>({ node, outcome }: WireResult): CommandResult<Reply> {
  if (outcome?.$case === 'output') return { node, reply: replyOf(outcome.value) as Reply };
  return { node, error: fromWire(outcome?.value) };
}

function cancelled(): KelpieError {
  return new KelpieError('CANCELLED', 'the command was withdrawn before it was issued');
}

function outcomeUnknown(): KelpieError {
  const message = 'the stream broke before the command ended; nodes may have done it';
  return new KelpieError('OUTCOME_UNKNOWN', message);
}
