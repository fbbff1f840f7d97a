/** Bounds the commands under way of each connection whose calls issue them, so that all callers have room. */
import type { CommandWeight } from '../../commands/pending.js';
import { ASKS, BYTES, COMMANDS, tooMany } from '../../session/issued.js';

interface Held {
  commands: number;
  asks: number;
  bytes: number;
}

export class IssuerRoom {
  readonly #held = new Map<string, Held>();

  /** Connections that have something under way. */
  get size(): number {
    return this.#held.size;
  }

  /** Takes room for a command until the returned function is called. Throws COMMAND_LIMIT. */
  take(peer: string, { asks, bytes }: CommandWeight): () => void {
    const held = this.#held.get(peer) ?? { commands: 0, asks: 0, bytes: 0 };
    const full = held.commands >= COMMANDS || held.asks + asks > ASKS || held.bytes + bytes > BYTES;
    if (full) throw tooMany();
    this.#add(peer, held, 1, { asks, bytes });
    return () => this.#add(peer, held, -1, { asks: -asks, bytes: -bytes });
  }

  #add(peer: string, held: Held, commands: number, { asks, bytes }: CommandWeight): void {
    held.commands += commands;
    held.asks += asks;
    held.bytes += bytes;
    if (held.commands > 0) this.#held.set(peer, held);
    else this.#held.delete(peer);
  }
}
