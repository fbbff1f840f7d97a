/**
 * The ids of commands. An id shows which coordinator issued the command, so that a node's reply finds its way also on a
 * newer stream at another coordinator. The first id of a coordinator is random: the reply to a command of a former one
 * does not match a command of this one.
 */
import { createHash, randomInt } from 'node:crypto';
import type { Members } from '../cluster/members.js';

/** An id is a mark of 16 bits and a number of 36 bits: below 2^53. */
const NUMBERS = 2 ** 36;

export class CommandIds {
  readonly #members: Pick<Members, 'id' | 'all'>;
  readonly #own: number;
  #number = randomInt(NUMBERS / 2);

  constructor(members: Pick<Members, 'id' | 'all'>) {
    this.#members = members;
    this.#own = markOf(members.id);
  }

  next(): number {
    this.#number = (this.#number + 1) % NUMBERS;
    return this.#own * NUMBERS + this.#number;
  }

  /** Another coordinator that may have issued the command; undefined: none that lives. */
  issuerOf(commandId: number): string | undefined {
    const mark = Math.floor(commandId / NUMBERS);
    if (mark === this.#own) return undefined;
    for (const id of this.#members.all.keys()) if (markOf(id) === mark) return id;
    return undefined;
  }
}

function markOf(coordinatorId: string): number {
  return createHash('sha256').update(coordinatorId).digest().readUInt16BE(0);
}
