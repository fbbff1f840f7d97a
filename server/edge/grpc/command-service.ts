/** CommandService: commands to nodes from a caller without a session. */
import type { CallContext, ServiceImplementation } from 'nice-grpc';
import { CommandResult } from '../../../gen/ts/kelpie/v1/command.js';
import type {
  CommandServiceDefinition,
  IssueCommandRequest,
  IssueCommandResponse,
} from '../../../gen/ts/kelpie/v1/command_service.js';
import type { Commands, NodeResult } from '../../commands/commands.js';
import type { CommandWeight } from '../../commands/pending.js';
import { refusalOf } from '../../access/table.js';
import { accessOf } from './caller.js';
import { Wakeup } from '../../core/wakeup.js';
import { resultFrame, unread } from '../../session/issued.js';
import { IssuerRoom } from './issuer-room.js';

/** Bytes of answers that wait for a slow caller. Beyond them the caller gets an error in place of an answer. */
const WAITING_BYTES = 1024 * 1024;

/** A result that waits, and how many bytes it has. */
interface Waiting {
  readonly response: IssueCommandResponse;
  readonly bytes: number;
}

export function commandService(
  commands: Commands,
): ServiceImplementation<CommandServiceDefinition> {
  const room = new IssuerRoom();
  return {
    issueCommand: (request, context) => issue(commands, room, request, context),
  };
}

async function* issue(
  commands: Commands,
  room: IssuerRoom,
  request: IssueCommandRequest,
  context: CallContext,
): AsyncGenerator<IssueCommandResponse> {
  const { peer, signal } = context;
  const results: Waiting[] = [];
  const wakeup = new Wakeup();
  const state = { ended: false, bytes: 0 };
  let giveBack = (): void => undefined;
  const onResult = (result: NodeResult): void => {
    const waiting = fitting(result, WAITING_BYTES - state.bytes);
    state.bytes += waiting.bytes;
    results.push(waiting);
    state.ended = result.last;
    wakeup.wake();
  };
  const admit = (weight: CommandWeight): void => {
    giveBack = room.take(peer, weight);
  };
  const refusal = refusalOf(accessOf(context));
  const withdraw = commands.issue(request, '', onResult, { admit, refusal });
  signal.addEventListener('abort', withdraw, { once: true });
  try {
    for (;;) {
      for (let next = results.shift(); next; next = results.shift()) {
        yield next.response;
        state.bytes -= next.bytes;
      }
      if (state.ended) return;
      await wakeup.wait();
    }
  } finally {
    signal.removeEventListener('abort', withdraw);
    withdraw();
    giveBack();
  }
}

function fitting(result: NodeResult, room: number): Waiting {
  const whole = waitingOf(result);
  return whole.bytes <= room ? whole : waitingOf(unread(result));
}

function waitingOf(result: NodeResult): Waiting {
  const { value } = resultFrame(result);
  return { response: { result: value }, bytes: CommandResult.encode(value).finish().length };
}
