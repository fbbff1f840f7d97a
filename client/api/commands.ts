/** CommandService: asking nodes to do something. */
import type { AnyCommand, ResultOf, Target } from '../commands/commands.js';
import { type CommandResult, resultOf } from '../commands/issued.js';
import type { CommandMessages, IssueOptions } from './messages/commands.js';

/** The calls for commands. */
export class CommandsApi {
  readonly #messages: CommandMessages;

  /** @internal */
  constructor(messages: CommandMessages) {
    this.#messages = messages;
  }

  /**
   * Issues a command, and iterates over the results, one of each node, as they come. To stop reading
   * withdraws the command. Throws NO_TARGET and other errors before any node is asked.
   */
  async *issue<C extends AnyCommand>(
    target: Target,
    command: C,
    options: IssueOptions = {},
  ): AsyncGenerator<CommandResult<ResultOf<C>>, void> {
    for await (const result of this.#messages.issue(target, command, options))
      yield resultOf<ResultOf<C>>(result);
  }
}
