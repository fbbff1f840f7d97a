/** PlayerService.TransferPlayers: the updates of the transfers of one call. */
import type { CallContext } from 'nice-grpc';
import {
  type TransferPlayersRequest,
  TransferPlayersResponse,
} from '../../../gen/ts/kelpie/v1/player_service.js';
import type { KelpieError } from '../../core/errors.js';
import { Wakeup } from '../../core/wakeup.js';
import { type TransferServices, transferPlayers, wireUpdate } from '../../transfers/requests.js';
import { isEnd, type MoveUpdate } from '../../transfers/transfers.js';

/** Bytes of answers that wait for a slow caller, above which the caller gets the ends of transfers alone. */
const WAITING_BYTES = 256 * 1024;

/** An answer that waits. */
interface Waiting {
  readonly response: TransferPlayersResponse;
  readonly bytes: number;
  readonly read: () => void;
}

/** The answers of one call, in their order. */
class Answers {
  readonly #waiting: Waiting[] = [];
  readonly #wakeup = new Wakeup();
  #bytes = 0;
  #isClosed = false;
  /** The last update has come. */
  #last: MoveUpdate | undefined;

  readonly take = (update: MoveUpdate, read: () => void): void => {
    if (this.#isClosed) return read();
    if (update.last) this.#last = update;
    if (!isEnd(update) && this.#bytes >= WAITING_BYTES) return;
    const response = { update: wireUpdate(update) };
    const bytes = TransferPlayersResponse.encode(response).finish().length;
    this.#bytes += bytes;
    this.#waiting.push({ response, bytes, read });
    this.#wakeup.wake();
  };

  /** Ends with the last update, and returns it. */
  async *all(): AsyncGenerator<TransferPlayersResponse, MoveUpdate> {
    for (;;) {
      for (let next = this.#waiting.shift(); next; next = this.#waiting.shift()) {
        yield next.response;
        this.#bytes -= next.bytes;
        next.read();
      }
      if (this.#last) return this.#last;
      await this.#wakeup.wait();
    }
  }

  /** The caller reads no more. */
  readonly close = (): void => {
    this.#isClosed = true;
    for (const { read } of this.#waiting.splice(0)) read();
    this.#wakeup.wake();
  };
}

export async function* transferCall(
  services: TransferServices,
  request: TransferPlayersRequest,
  { peer, signal }: CallContext,
): AsyncGenerator<TransferPlayersResponse> {
  const answers = new Answers();
  signal.addEventListener('abort', answers.close, { once: true });
  try {
    await transferPlayers(services, request, `peer ${peer}`, answers.take);
    const { error } = yield* answers.all();
    if (request.target?.place?.$case === 'player' && error) throw error satisfies KelpieError;
  } finally {
    signal.removeEventListener('abort', answers.close);
    answers.close();
  }
}
