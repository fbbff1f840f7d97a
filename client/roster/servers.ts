/** The servers of a roster as a pick sees them. Counts change in place: a pick needs no new list for them. */
import type { NodeState } from '../../gen/ts/kelpie/v1/node.js';
import { type Node, wireNodeOf } from '../core/node.js';
import type { Candidate } from './pick.js';

interface Counted extends Candidate {
  readonly labels: Readonly<Record<string, string>>;
  state: NodeState;
  lastState: NodeState;
  drained: boolean;
  maxPlayers: number | undefined;
  used: number;
  reserved: number;
  players: number;
}

export class RosterServers {
  readonly #servers = new Map<string, Counted>();
  /** The slots that reservations hold, by server, also of servers whose row has not come yet. */
  readonly #reserved = new Map<string, number>();
  readonly #playersOn: (name: string) => number;
  readonly #onChange: () => void;

  /** Calls `onChange` if a server comes, goes, or has other labels. */
  constructor(playersOn: (name: string) => number, onChange: () => void) {
    this.#playersOn = playersOn;
    this.#onChange = onChange;
  }

  /** Takes a node after its change; undefined: it left. */
  take(name: string, node: Node | undefined): void {
    const before = this.#servers.get(name);
    if (!node) this.#reserved.delete(name);
    if (node?.role !== 'DOWNSTREAM') {
      if (this.#servers.delete(name)) this.#onChange();
      return;
    }
    const { labels, state, lastState, drained, maxPlayers } = wireNodeOf(node);
    if (before && isSame(before.labels, labels)) {
      Object.assign(before, { state, lastState, drained, maxPlayers });
      return;
    }
    const players = this.#playersOn(name);
    const reserved = this.#reserved.get(name) ?? 0;
    const counts = { players, reserved, used: players + reserved };
    this.#servers.set(name, { name, labels, state, lastState, drained, maxPlayers, ...counts });
    this.#onChange();
  }

  /** The players of a server changed. */
  count(name: string): void {
    const server = this.#servers.get(name);
    if (!server) return;
    server.players = this.#playersOn(name);
    server.used = server.players + server.reserved;
  }

  /** Takes the number of slots that reservations hold. */
  reserve(name: string, slots: number): void {
    if (slots === 0) this.#reserved.delete(name);
    else this.#reserved.set(name, slots);
    const server = this.#servers.get(name);
    if (!server) return;
    server.reserved = slots;
    server.used = server.players + slots;
  }

  /** No slots are reserved any more. */
  releaseAll(): void {
    for (const name of [...this.#reserved.keys()]) this.reserve(name, 0);
  }

  all(): Iterable<Candidate> {
    return this.#servers.values();
  }
}

function isSame(left: Candidate['labels'], right: Candidate['labels']): boolean {
  const names = Object.keys(left);
  return (
    names.length === Object.keys(right).length && names.every((name) => left[name] === right[name])
  );
}
