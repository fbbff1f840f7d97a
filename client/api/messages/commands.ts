/** CommandService: asking nodes to do something, with results as the contract has them. */
import type { CommandResult } from '../../../gen/ts/kelpie/v1/command.js';
import { CommandServiceDefinition } from '../../../gen/ts/kelpie/v1/command_service.js';
import { type AnyCommand, commandOf, type Target, targetOf } from '../../commands/commands.js';
import { UINT32, whole } from '../../core/arguments.js';
import { type CallOptions, commandCall, type CreateService, type Service } from '../call.js';

/** How a command is issued. */
export interface IssueOptions extends Omit<CallOptions, 'timeoutMs'> {
  /** How long the nodes have, in milliseconds: at most 300,000. Default 10,000. */
  readonly timeoutMs?: number;
  /** End after so many answers; errors do not count. Default: all. */
  readonly maxReplies?: number;
  /** Facts beside the command, for traces. */
  readonly attributes?: Readonly<Record<string, string>>;
}

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
    const { maxReplies = 0, attributes = {}, ...timing } = options;
    const asked = { target: targetOf(target), command: commandOf(command) };
    const [timeout, call] = commandCall(timing);
    const most = whole('maxReplies', maxReplies, 0, UINT32);
    const request = { ...asked, timeout, maxReplies: most, attributes };
    for await (const { result } of this.#service.issueCommand(request, call)) {
      if (result) yield result;
    }
  }
}
