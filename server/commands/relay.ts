/** Commands that another coordinator issued, for nodes whose streams this one has; and replies to them. */
import type { CommandReply } from '../../gen/ts/kelpie/v1/command.js';
import { IssueCommandRequest } from '../../gen/ts/kelpie/v1/command_service.js';
import { type Cancel } from '../core/clock.js';
import { durationOf } from '../core/duration.js';
import { KelpieError } from '../core/errors.js';
import { errorOf, wireError } from '../core/wire-error.js';
import type { Asker, BodyOf, Exchange } from '../cluster/exchange.js';
import type { CommandIds } from './command-ids.js';
import type { Commands } from './commands.js';
import { notDelivered } from './errors.js';
import { timeoutOf } from './forms.js';
import type { NodeResult } from './pending.js';
import { wireResult } from './result.js';

/** How long another coordinator may take to accept a reply. */
const REPLY_MS = 3000;

/** Runs the commands of other coordinators, and accepts the replies to commands of this one that come elsewhere. */
export function relayCommands(
  exchange: Exchange,
  commands: Pick<Commands, 'serve' | 'reply'>,
  onFault: (error: unknown) => void,
): void {
  const publicError = (error: unknown): KelpieError => {
    if (error instanceof KelpieError) return error;
    onFault(error);
    return new KelpieError('INTERNAL', 'the coordinator failed; its log says more');
  };
  exchange.handle('relayCommand', (asked, asker) => serve(commands, asked, asker, publicError));
  exchange.handle('relayReply', ({ node, instanceId, reply }, asker) => {
    let error: KelpieError | undefined;
    try {
      if (reply) commands.reply(node, instanceId, reply);
    } catch (cause) {
      error = publicError(cause);
    }
    asker.answer({ $case: 'replyTaken', value: { error: error && wireError(error) } });
  });
}

function serve(
  commands: Pick<Commands, 'serve'>,
  { request, source, targets }: BodyOf<'relayCommand'>,
  asker: Asker,
  publicError: (error: unknown) => KelpieError,
): void {
  let isWithdrawn = false;
  let cancel: Cancel = () => undefined;
  const answer = (result: NodeResult): void => {
    if (result.last) asker.done();
    // Nobody waits for the ends that a withdrawal brings.
    if (!isWithdrawn) asker.answer({ $case: 'commandResult', value: wireResult(result) });
  };
  asker.working(() => {
    isWithdrawn = true;
    cancel();
  });
  const refuse = (outcomeOf: (node: string) => KelpieError): void => {
    targets.forEach(({ node }, index) => {
      answer({ node, outcome: outcomeOf(node), last: index === targets.length - 1 });
    });
  };
  try {
    // The issuer gets its answer in time, however long the command was under way: afterwards no node may run it.
    const leftMs = timeoutOf(request?.timeout) - asker.ageMs;
    if (leftMs <= 0) return refuse(notDelivered);
    const left = { ...(request ?? IssueCommandRequest.create()), timeout: durationOf(leftMs) };
    cancel = commands.serve(left, source, targets, answer);
  } catch (cause) {
    const outcome = publicError(cause);
    refuse(() => outcome);
  }
}

/** Takes the replies of nodes, also to commands that another coordinator sent on an earlier stream of the node. */
export class Replies {
  readonly #commands: Pick<Commands, 'reply'>;
  readonly #ids: CommandIds;
  readonly #exchange: Pick<Exchange, 'answerOf'>;

  constructor(
    commands: Pick<Commands, 'reply'>,
    ids: CommandIds,
    exchange: Pick<Exchange, 'answerOf'>,
  ) {
    this.#commands = commands;
    this.#ids = ids;
    this.#exchange = exchange;
  }

  /**
   * Throws what `Commands.reply` throws. A promise, if the reply is on its way to another coordinator: it rejects with
   * the same errors, or with OUTCOME_UNKNOWN.
   */
  take(node: string, instance: Uint8Array, reply: CommandReply): Promise<void> | undefined {
    const issuer = this.#ids.issuerOf(reply.commandId);
    if (issuer === undefined) {
      this.#commands.reply(node, instance, reply);
      return undefined;
    }
    return this.#handOver(issuer, { node, instanceId: instance, reply });
  }

  async #handOver(issuer: string, value: BodyOf<'relayReply'>): Promise<void> {
    const options = { kind: 'replyTaken', timeoutMs: REPLY_MS } as const;
    const taken = await this.#exchange.answerOf(issuer, { $case: 'relayReply', value }, options);
    if (taken?.error) throw errorOf(taken.error);
    if (taken) return;
    const message =
      'the coordinator that waits for this reply does not answer; the reply may be lost';
    throw new KelpieError('OUTCOME_UNKNOWN', message);
  }
}
