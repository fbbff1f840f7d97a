/**
 * Replaces a resource of which a network has one, such as its rules, as a whole. Writers of this coordinator take
 * turns. A writer may name the sequence that they have seen, so that they do not undo another writer's change.
 */
import type { Clock } from '../core/clock.js';
import { sameBytes } from '../core/cursor.js';
import { KelpieError } from '../core/errors.js';
import { InTurn } from '../core/in-turn.js';
import type { Draft, Requirement } from '../journal/journal.js';
import type { Network } from './network.js';

/** How often another coordinator may change the resource first. */
const ATTEMPTS = 8;

/** One resource of a network. */
export interface Replaceable<T> {
  /** The name of the resource in messages: a plural. */
  readonly title: string;
  /** The present value, or the default one. */
  readonly value: T;
  encode(value: T): Uint8Array;
  /** The requirement that the resource is still as it is now. */
  seen(): Requirement;
  /** The entry that replaces it. */
  draft(value: T, time: Date): Draft;
}

export class Replacement<T> {
  readonly #network: Pick<Network, 'commit'>;
  readonly #resource: Replaceable<T>;
  readonly #clock: Clock;
  readonly #turns = new InTurn();

  constructor(network: Pick<Network, 'commit'>, resource: Replaceable<T>, clock: Clock) {
    this.#network = network;
    this.#resource = resource;
    this.#clock = clock;
  }

  /** The sequence of the resource after the write. An equal value is no change. Throws SEQUENCE_CONFLICT. */
  replace(value: T, expected: number | undefined): Promise<number> {
    return this.#turns.run('', () => this.#write(value, expected));
  }

  async #write(value: T, expected: number | undefined): Promise<number> {
    const resource = this.#resource;
    const encoded = resource.encode(value);
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const seen = resource.seen();
      if (expected !== undefined && expected !== seen.sequence) break;
      if (sameBytes(resource.encode(resource.value), encoded)) return seen.sequence;
      const entries = [resource.draft(value, new Date(this.#clock.wall()))];
      const outcome = await this.#network.commit({ require: [seen], entries });
      if (outcome.kind === 'stored') return outcome.first;
    }
    throw conflict(resource.title, resource.seen().sequence);
  }
}

function conflict(title: string, sequence: number): KelpieError {
  const message = `another writer changed the ${title}; read them, make the change again, and set them with their new sequence`;
  return new KelpieError('SEQUENCE_CONFLICT', message, { sequence: String(sequence) });
}
