/**
 * A live copy of the network's nodes, because the hooks of a proxy are synchronous and must answer
 * from memory, also while the coordinator is away. It follows a Snapshot and the events after it.
 */
import { type Node, type NodeLoad, NodeState, type NodeRole } from '../gen/ts/kelpie/v1/node.js';
import type { Event } from '../gen/ts/kelpie/v1/event.js';
import type { NamedLoad } from '../gen/ts/kelpie/v1/session_service.js';
import { GapReason, type Gap, Snapshot } from '../gen/ts/kelpie/v1/stream.js';

interface Seat {
  readonly node: Node;
  /** The sequence that last wrote it. */
  readonly sequence: number;
  /** Of a former epoch or a file, and not confirmed since. Any other word about it is newer. */
  readonly stale: boolean;
}

/** The topics that a roster needs. */
export const ROSTER_TOPICS = ['nodes.*'];

export class Roster {
  readonly #seats = new Map<string, Seat>();
  /** Of nodes that have a seat. */
  readonly #loads = new Map<string, NodeLoad>();
  /** Names of the snapshot that is under way. */
  #named: Set<string> | undefined;
  /** A new epoch began: nodes that are not there yet may only be on their way back. */
  #forgiving = false;
  #sweep: NodeJS.Timeout | undefined;
  #complete = false;
  readonly #onChange: () => void;
  readonly topics: readonly string[] = ROSTER_TOPICS;
  #loaded = (): void => undefined;
  /** Resolves when the first Snapshot is whole. */
  readonly loaded = new Promise<void>((resolve) => (this.#loaded = resolve));

  constructor(onChange: () => void = () => undefined) {
    this.#onChange = onChange;
  }

  /** Whether a first Snapshot came whole. */
  get complete(): boolean {
    return this.#complete;
  }

  /** All nodes, by name. */
  nodes(): Node[] {
    return [...this.#seats.values()]
      .map(({ node }) => node)
      .sort((left, right) => (left.name < right.name ? -1 : 1));
  }

  /** The node of a name, in any case. */
  node(name: string): Node | undefined {
    return this.#seats.get(name.toLowerCase())?.node;
  }

  /** Nodes of a role that are READY and have all these labels. */
  ready(role: NodeRole, labels: Readonly<Record<string, string>> = {}): Node[] {
    const wanted = Object.entries(labels);
    return this.nodes().filter(
      (node) =>
        node.role === role &&
        node.state === NodeState.READY &&
        wanted.every(([name, value]) => node.labels[name] === value),
    );
  }

  /** Whether the node is known from before the coordinator lost its memory, and not seen since. */
  isStale(name: string): boolean {
    return this.#seats.get(name.toLowerCase())?.stale ?? false;
  }

  /** How a node does, as far as it said; what was told last, so it may be old. */
  load(name: string): NodeLoad | undefined {
    return this.#loads.get(name.toLowerCase());
  }

  applyLoads(loads: readonly NamedLoad[]): void {
    for (const { name, load } of loads) {
      if (load && this.#seats.has(name)) this.#loads.set(name, load);
    }
  }

  /** Takes a part of a snapshot in. Unconfirmed rows of a former epoch stay for `graceMs`. */
  applySnapshot(part: Snapshot, graceMs: number): void {
    if (part.cursor) this.#named = new Set();
    for (const { sequence, resource } of part.rows) {
      if (resource?.$case !== 'node') continue;
      this.#named?.add(resource.value.name);
      this.#put(resource.value, sequence);
    }
    if (part.complete) this.#replaceAll(graceMs);
  }

  #replaceAll(graceMs: number): void {
    for (const [name, seat] of this.#seats) {
      if (this.#named?.has(name)) continue;
      if (this.#forgiving) this.#seats.set(name, { node: seat.node, sequence: 0, stale: true });
      else this.#remove(name);
    }
    if (this.#forgiving) {
      clearTimeout(this.#sweep);
      this.#sweep = setTimeout(() => this.#dropStale(), graceMs).unref();
    }
    this.#forgiving = false;
    this.#named = undefined;
    this.#complete = true;
    this.#loaded();
  }

  #dropStale(): void {
    for (const [name, seat] of this.#seats) if (seat.stale) this.#remove(name);
  }

  /** Takes an event in, if it is newer than what is known. */
  applyEvent({ body, sequence }: Event): void {
    switch (body?.$case) {
      case 'nodeJoined':
      case 'nodeUpdated':
        if (body.value.node) this.#put(body.value.node, sequence);
        break;
      case 'nodeLeft': {
        const name = body.value.node?.name ?? '';
        if (sequence > (this.#seats.get(name)?.sequence ?? 0)) this.#remove(name);
        break;
      }
      default:
        break;
    }
  }

  applyGap({ reason }: Gap): void {
    if (reason === GapReason.EPOCH_CHANGED) this.#forgiving = true;
  }

  #remove(name: string): void {
    this.#seats.delete(name);
    this.#loads.delete(name);
    this.#onChange();
  }

  #put(node: Node, sequence: number): void {
    // A row of a snapshot in progress counts as named even if an event brought it.
    this.#named?.add(node.name);
    if (sequence <= (this.#seats.get(node.name)?.sequence ?? 0)) return;
    this.#seats.set(node.name, { node, sequence, stale: false });
    this.#onChange();
  }

  /** The roster as bytes, to be kept in a file. */
  save(): Uint8Array {
    const rows = [...this.#seats.values()].map(({ node, sequence }) => ({
      sequence,
      resource: { $case: 'node' as const, value: node },
    }));
    return Snapshot.encode({
      cursor: undefined,
      topics: ROSTER_TOPICS,
      rows,
      complete: true,
    }).finish();
  }

  /** What was saved: it answers until the coordinator does, and a grace longer where it does not. */
  restore(bytes: Uint8Array): void {
    for (const { resource } of Snapshot.decode(bytes).rows) {
      if (resource?.$case !== 'node') continue;
      this.#seats.set(resource.value.name, { node: resource.value, sequence: 0, stale: true });
    }
    this.#forgiving = true;
  }

  close(): void {
    clearTimeout(this.#sweep);
  }
}
