/** The commands that one session has issued and that have not ended. */
import type { IssueCommandRequest } from '../../gen/ts/kelpie/v1/command_service.js';
import type { Cancel } from '../core/clock.js';
import { KelpieError, outOfRange } from '../core/errors.js';
import type { Commands, NodeResult } from '../domain/commands.js';
import { frameOffer, resultFrame, unread } from './command-frames.js';
import type { Outbound } from './outbound.js';

const COMMANDS = 256;

export class Issued {
  readonly #commands: Commands;
  readonly #outbound: Outbound;
  readonly #name: string;
  readonly #open = new Map<number, Cancel>();

  constructor(commands: Commands, outbound: Outbound, name: string) {
    this.#commands = commands;
    this.#outbound = outbound;
    this.#name = name;
  }

  /** Issues a command; its results are frames under the request's id. Throws what IssueCommand names. */
  issue(requestId: number, request: IssueCommandRequest): void {
    if (requestId === 0 || this.#open.has(requestId)) {
      const message =
        'a command needs a request_id of its own, by which its results are told apart';
      throw outOfRange('request_id', 1, message);
    }
    if (this.#open.size >= COMMANDS) {
      throw new KelpieError(
        'COMMAND_LIMIT',
        `${COMMANDS} commands of this session are under way; wait for some of them`,
        { limit: String(COMMANDS) },
        { retryAfterMs: 1000 },
      );
    }
    const state = { ended: false };
    const cancel = this.#commands.issue(request, this.#name, (result) => {
      if (result.last) {
        state.ended = true;
        this.#open.delete(requestId);
      }
      this.#tell(requestId, result);
    });
    // It may have ended already, where nobody could be handed it.
    if (!state.ended) this.#open.set(requestId, cancel);
  }

  #tell(requestId: number, result: NodeResult): void {
    if (this.#outbound.offer(frameOffer(resultFrame(result), requestId))) return;
    this.#outbound.send(resultFrame(unread(result)), requestId);
  }

  /** Withdraws a command. One that has ended is no error. */
  cancel(requestId: number): void {
    this.#open.get(requestId)?.();
  }

  /** The stream is gone: nobody waits for answers any more. */
  close(): void {
    for (const cancel of [...this.#open.values()]) cancel();
  }

  get size(): number {
    return this.#open.size;
  }
}
