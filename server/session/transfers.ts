/** The transfers that one session requested: their updates go to its stream, and they outlive it. */
import type { TransferPlayersRequest } from '../../gen/ts/kelpie/v1/player_service.js';
import type { OpenAct } from '../access/act.js';
import { transferLimit } from '../transfers/errors.js';
import { type TransferServices, transferPlayers, wireUpdate } from '../transfers/requests.js';
import { isEnd, type MoveUpdate } from '../transfers/transfers.js';
import { requestIdError } from './issued.js';
import { frameOffer, type Outbound } from './outbound.js';

/** Requests of one session with transfers under way. */
const REQUESTS = 256;

export class TransferRequests {
  readonly #services: TransferServices;
  readonly #outbound: Outbound;
  readonly #name: string;
  readonly #open = new Set<number>();

  constructor(services: TransferServices, outbound: Outbound, name: string) {
    this.#services = services;
    this.#outbound = outbound;
    this.#name = name;
  }

  /** Whether a request under way has this id. */
  uses(requestId: number): boolean {
    return this.#open.has(requestId);
  }

  /** Moves players; the updates are frames under the request's id. Rejects as TransferPlayers fails as a whole. */
  async transfer(requestId: number, request: TransferPlayersRequest, act?: OpenAct): Promise<void> {
    if (requestId === 0) throw requestIdError('a transfer needs a request_id above 0');
    if (this.#open.size >= REQUESTS) {
      const message = `a session has at most ${REQUESTS} requests of transfers under way; wait for some of their ends`;
      throw transferLimit(message, REQUESTS);
    }
    this.#open.add(requestId);
    try {
      await transferPlayers(this.#services, request, `node ${this.#name}`, (update, read) =>
        this.#take(requestId, update, read, act),
      );
    } catch (error) {
      this.#open.delete(requestId);
      throw error;
    }
  }

  #take(requestId: number, update: MoveUpdate, read: () => void, act?: OpenAct): void {
    if (update.last) this.#open.delete(requestId);
    const value = wireUpdate(update);
    act?.answered({ update: value });
    if (update.last) act?.end();
    const frame = { $case: 'transferUpdate', value } as const;
    const offer = frameOffer(frame, requestId, read);
    // A session that does not read gets the ends alone, of which it has a bounded number.
    if (!this.#outbound.offer(offer) && isEnd(update)) this.#outbound.queue(offer);
  }
}
