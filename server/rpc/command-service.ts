/** CommandService: asking nodes without a session. */
import type { CallContext, ServiceImplementation } from 'nice-grpc';
import { CommandResult } from '../../gen/ts/kelpie/v1/command.js';
import type {
  CommandServiceDefinition,
  IssueCommandRequest,
  IssueCommandResponse,
} from '../../gen/ts/kelpie/v1/command_service.js';
import type { NodeResult } from '../domain/commands.js';
import { Alarm } from '../session/alarm.js';
import { resultFrame, unread } from '../session/command-frames.js';
import type { Hub } from '../session/hub.js';

/** Answers that wait for a caller who reads slowly; more of them are lost, and said to be. */
const WAITING_BYTES = 4 * 1024 * 1024;

export function commandService({ commands }: Hub): ServiceImplementation<CommandServiceDefinition> {
  return {
    async *issueCommand(
      request: IssueCommandRequest,
      { signal }: CallContext,
    ): AsyncGenerator<IssueCommandResponse> {
      const results: IssueCommandResponse[] = [];
      const alarm = new Alarm();
      const state = { ended: false, bytes: 0 };
      const withdraw = commands.issue(request, '', (result) => {
        results.push(fitting(result, state));
        state.ended = result.last;
        alarm.ring();
      });
      signal.addEventListener('abort', withdraw, { once: true });
      try {
        for (;;) {
          for (let next = results.shift(); next; next = results.shift()) yield next;
          state.bytes = 0;
          if (state.ended) return;
          await alarm.sleep();
        }
      } finally {
        signal.removeEventListener('abort', withdraw);
        withdraw();
      }
    },
  };
}

function fitting(result: NodeResult, waiting: { bytes: number }): IssueCommandResponse {
  const { value } = resultFrame(result);
  waiting.bytes += CommandResult.encode(value).finish().length;
  return { result: waiting.bytes <= WAITING_BYTES ? value : resultFrame(unread(result)).value };
}
