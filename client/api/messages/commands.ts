/** CommandService: asking nodes to do something, with results as the contract has them. */
import type { CommandResult } from '../../../gen/ts/kelpie/v1/command.js';
import { CommandServiceDefinition } from '../../../gen/ts/kelpie/v1/command_service.js';
import { type AnyCommand, commandOf, type Target, targetOf } from '../../commands/commands.js';
import { UINT32, whole } from '../../core/arguments.js';
import {
  type CallOptions,
  callOptions,
  commandTimeout,
  type CreateService,
  type Service,
} from '../call.js';

/** How a command is issued. */
export interface IssueOptions extends Omit<CallOptions, 'timeoutMs'> {
  /** How long the nodes have, in milliseconds: at most 300,000. Default 10,000. */
  readonly timeoutMs?: number;
  /** End after so many answers; errors do not count. Default: all. */
  readonly maxReplies?: number;
  /** Facts beside the command, for traces. */
  readonly attributes?: Readonly<Record<string, string>>;
}

const TIMEOUT_MS = 10_000;
/** The time for the way to the coordinator and back, beside the time that nodes have. */
const WAY_MS = 5000;

/** The calls of `api.commands`, with answers as the contract has them. */
export class CommandMessages {
  readonly #service: Service<typeof CommandServiceDefinition>;

  /** @internal */
  constructor(create: CreateService) {
    this.#service = create(CommandServiceDefinition);
  }

  async *issue(
    target: Target,
    command: AnyCommand,
    options: IssueOptions = {},
  ): AsyncGenerator<CommandResult, void> {
    const { timeoutMs = TIMEOUT_MS, maxReplies = 0, attributes = {}, ...more } = options;
    const request = {
      target: targetOf(target),
      command: commandOf(command),
      timeout: commandTimeout(timeoutMs),
      maxReplies: whole('maxReplies', maxReplies, 0, UINT32),
      attributes,
    };
    const call = callOptions({ ...more, timeoutMs }, WAY_MS);
    for await (const { result } of this.#service.issueCommand(request, call)) {
      if (result) yield result;
    }
  }
}
