/**
 * The limits that the networks of a coordinator share, because what they bound is in the memory of one process. A
 * network may always have an equal share. Above its share it may have what the others leave. So a network that
 * takes all it can get leaves the others their shares, and with n networks all of them together have at most
 * 1 + 1/2 + … + 1/n times the limit: less than five times with 64 networks.
 */
import type { Limits } from './limits.js';

const SHARED = [
  'sessions',
  'patternMemory',
  'playerBytes',
  'reservations',
  'transfers',
  'transferBytes',
  'ticketBytes',
  'valueRowBytes',
  'commands',
  'commandBytes',
  'backlogEntries',
  'backlogBytes',
] as const satisfies readonly (keyof Limits)[];

/** How much a network has now of what it shares. */
export type Taken = Readonly<Record<(typeof SHARED)[number], () => number>>;

/** The part of one network. */
export interface LimitShare {
  /** The limits of the network. A shared limit changes with the other networks: read it at each check. */
  readonly limits: Limits;
  /** From this call on the others leave to the network what it has. */
  count(taken: Taken): void;
  /** The network is closed. */
  leave(): void;
}

export class SharedLimits {
  readonly #limits: Limits;
  readonly #networks = new Map<object, Taken | undefined>();

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** The networks that are open or about to be. */
  get networks(): number {
    return this.#networks.size;
  }

  /** The part of a network that is about to open. */
  join(): LimitShare {
    const network = {};
    this.#networks.set(network, undefined);
    const limits = { ...this.#limits };
    for (const name of SHARED) {
      Object.defineProperty(limits, name, { get: () => this.#roomOf(network, name) });
    }
    return {
      limits,
      count: (taken) => this.#networks.set(network, taken),
      leave: () => this.#networks.delete(network),
    };
  }

  #roomOf(network: object, name: (typeof SHARED)[number]): number {
    const limit = this.#limits[name];
    if (this.#networks.size <= 1) return limit;
    let left = limit;
    for (const [other, taken] of this.#networks)
      if (other !== network) left -= taken?.[name]() ?? 0;
    return Math.max(Math.floor(limit / this.#networks.size), left);
  }
}
