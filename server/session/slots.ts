/** The reservations that one session requests. */
import type {
  ReleaseSlotsRequest,
  ReserveSlotsRequest,
} from '../../gen/ts/kelpie/v1/node_service.js';
import { Latch } from '../core/latch.js';
import type { Frame } from '../delivery/frames.js';
import type { Requester } from '../routing/hold.js';
import type { Reservations } from '../routing/reservations.js';
import { holdOf } from '../routing/reserve-request.js';
import type { SessionServices } from './services.js';

/** Requests of a session under way, above which the session takes no more. Waiting requests are few writes. */
const REQUESTS = 1024;

export class SlotRequests {
  readonly #reservations: Reservations;
  readonly #network: SessionServices['network'];
  readonly #session: Requester;
  readonly #ended = new Latch();
  #pending = 0;

  constructor({ reservations, network }: SessionServices, { name, generation }: Requester) {
    this.#reservations = reservations;
    this.#network = network;
    this.#session = { name, generation };
  }

  /** A promise if the session has too many requests under way. */
  room(): Promise<void> | undefined {
    return this.#pending >= REQUESTS ? this.#ended.wait() : undefined;
  }

  /** The reservation belongs to the node of the session, if the request names no owner. */
  async reserve(request: ReserveSlotsRequest): Promise<() => Frame> {
    const { id, node } = await this.#count(this.#reservations.hold(holdOf(request, this.#session)));
    const value = { reservationId: id, node, cursor: this.#network.head };
    return () => ({ $case: 'slotsReserved', value });
  }

  release({ reservationId, slots }: ReleaseSlotsRequest): Promise<void> {
    return this.#count(this.#reservations.release(reservationId, slots, this.#session));
  }

  async #count<Result>(work: Promise<Result>): Promise<Result> {
    this.#pending += 1;
    try {
      return await work;
    } finally {
      this.#pending -= 1;
      this.#ended.open();
    }
  }
}
