/** The transfers that a session requested, until the last one has ended. */
import type { TransferPlayersRequest } from '../../gen/ts/kelpie/v1/player_service.js';
import { TransferUpdate as WireUpdate } from '../../gen/ts/kelpie/v1/transfer.js';
import type { Link } from '../connection/link.js';
import { type Answer, unanswered, type Waiter } from '../connection/requests.js';
import { Results, UNREAD_BYTES } from '../connection/results.js';
import { fromThrown, KelpieError } from '../errors.js';
import { type Arrived, type TransferUpdate, updateOf } from './updates.js';

/** Requests the transfers at once, even if nobody reads the updates yet. */
export function transfer(
  link: Link | undefined,
  request: TransferPlayersRequest,
): AsyncGenerator<TransferUpdate, void> {
  return new Transfers(link, request).updates();
}

/** The arrival of the only player of a request. Throws the error that ended their transfer. */
export async function arrivalOf(updates: AsyncIterable<TransferUpdate>): Promise<Arrived> {
  for await (const { player, target, stage, error } of updates) {
    if (error) throw error;
    if (stage === 'ARRIVED') return { player, target };
  }
  throw new KelpieError('PROTOCOL', 'a transfer ended without a result');
}

class Transfers implements Waiter {
  readonly #updates = new Results<TransferUpdate>();
  #playersLeft: number | undefined;

  constructor(link: Link | undefined, value: TransferPlayersRequest) {
    try {
      if (!link) throw unanswered();
      link.issue({ $case: 'transferPlayers', value }, this);
    } catch (error) {
      this.#updates.end(fromThrown(error));
    }
  }

  answer(answer: Answer): boolean {
    if (answer.$case !== 'transferUpdate') return false;
    const { value } = answer;
    this.#playersLeft = value.playersLeft;
    if (this.#updates.ended) return value.last;
    const fits = this.#updates.push(
      updateOf(value),
      () => WireUpdate.encode(value).finish().length,
    );
    if (value.last) this.#updates.end();
    else if (!fits) this.#updates.end(unread());
    return value.last;
  }

  /** If the stream broke, the outcome is unknown. The client does not send the request again. */
  fail(error: KelpieError): void {
    this.#updates.end(error.reason === 'UNAVAILABLE' ? outcomeUnknown(this.#playersLeft) : error);
  }

  /** The updates as they come. A reader who stops does not end the transfers. */
  async *updates(): AsyncGenerator<TransferUpdate, void> {
    try {
      yield* this.#updates.read();
    } finally {
      this.#updates.end();
    }
  }
}

function unread(): KelpieError {
  const message = `more than ${UNREAD_BYTES} bytes of updates wait to be read; read them faster; the transfers go on`;
  return new KelpieError('RESULTS_UNREAD', message);
}

/** The error where the way to the coordinator broke before the transfers had ended. */
export function outcomeUnknown(playersLeft: number | undefined): KelpieError {
  const all = playersLeft === undefined ? 'the transfers' : `${playersLeft} transfers`;
  const whose = playersLeft === 1 ? 'a transfer' : all;
  const message = `the stream broke before ${whose} ended; players may still move: look where the players are`;
  return new KelpieError('OUTCOME_UNKNOWN', message);
}
