/** Who is part of the network: claiming a name, losing a stream, leaving. */
import { createHash, randomBytes } from 'node:crypto';
import type { SessionRow } from '../../gen/ts/kelpie/storage/v1/session_row.js';
import { NodeLeaveReason } from '../../gen/ts/kelpie/v1/event.js';
import { Node, type NodeChange } from '../../gen/ts/kelpie/v1/node.js';
import type { Cancel } from '../core/clock.js';
import { ID_BYTES, sameBytes } from '../core/cursor.js';
import { KelpieError } from '../core/errors.js';
import type { Draft } from '../journal/journal.js';
import type { Network } from './network.js';
import { changedNode, reachable, unreachable } from './node-change.js';
import { findNode, notFound } from './node-list.js';
import type { Folded } from './table.js';

/** Tells whether the holder of a name lives. Its session answers, which is above this layer. */
export interface Liveness {
  alive(name: string): Promise<boolean>;
}

/** What a claim got. */
export interface Claimed {
  /** The fencing token: every write in the node's name requires it. */
  readonly generation: number;
  readonly outcome: 'NEW' | 'RESUMED' | 'REPLACED';
}

/** Two processes that fight for a name are decided by the journal; nobody loses this often. */
const CLAIM_ATTEMPTS = 8;

export class Nodes {
  readonly #network: Network;
  /** Timers of lost nodes, by name. */
  readonly #losses = new Map<string, Cancel>();

  constructor(network: Network) {
    this.#network = network;
  }

  /**
   * Gives the node to a session. The same instance always gets it; another one only if the holder
   * does not live (NODE_NAME_IN_USE).
   */
  async claim(node: Node, sessionId: string, liveness: Liveness): Promise<Claimed> {
    const { tables } = this.#network;
    for (let attempt = 0; attempt < CLAIM_ATTEMPTS; attempt++) {
      const owner = tables.owners.get(node.name);
      const outcome = outcomeOf(node, owner);
      if (outcome === 'REPLACED' && (await liveness.alive(node.name))) break;
      const written = await this.#network.commit({
        require: [tables.fence(node.name, owner?.sequence ?? 0)],
        entries: [
          tables.ownerDraft(node.name, this.#ownerRow(node, sessionId)),
          ...this.#arrival(node, outcome, owner),
        ],
      });
      if (written.kind !== 'stored') continue;
      this.#forgetLoss(node.name);
      return { generation: written.first, outcome };
    }
    throw new KelpieError(
      'NODE_NAME_IN_USE',
      `a living process holds the name "${node.name}"; give this one another name, or stop the other`,
      { name: node.name },
    );
  }

  #ownerRow(node: Node, sessionId: string): SessionRow {
    const { coordinatorId } = this.#network.options;
    const { instanceId } = node;
    const nonce = randomBytes(ID_BYTES);
    return { instanceId, coordinatorId, sessionId, nonce, factsDigest: digestOf(node) };
  }

  /** What the public sees of a claim: a resumed node is told only if something about it changed. */
  #arrival(
    node: Node,
    outcome: Claimed['outcome'],
    owner: Folded<SessionRow> | undefined,
  ): Draft[] {
    const { tables } = this.#network;
    const known = tables.nodes.get(node.name)?.value;
    if (known && outcome === 'RESUMED') {
      // The same Hello as before keeps what was changed since; another one counts anew.
      const same = owner && sameBytes(owner.value.factsDigest, digestOf(node));
      const row = same ? reachable(known) : { ...node, joinTime: known.joinTime };
      return sameNode(known, row) ? [] : [this.#update(row)];
    }
    const row = { ...node, joinTime: this.#time() };
    const joined = { $case: 'nodeJoined', value: { node: row } } as const;
    const drafts = known ? [this.#departure(known, NodeLeaveReason.REPLACED)] : [];
    return [...drafts, tables.nodeDraft(node.name, this.#time(), joined, row)];
  }

  #update(row: Node): Draft {
    const body = { $case: 'nodeUpdated', value: { node: row } } as const;
    return this.#network.tables.nodeDraft(row.name, this.#time(), body, row);
  }

  #departure(node: Node, reason: NodeLeaveReason): Draft {
    const body = { $case: 'nodeLeft', value: { node, reason } } as const;
    return this.#network.tables.nodeDraft(node.name, this.#time(), body, null);
  }

  /**
   * Changes a node. With a generation, in the name of its owner: throws STALE_GENERATION if it is
   * not that any more. Throws NODE_NOT_FOUND, LABELS_INVALID or OUT_OF_RANGE.
   */
  async update(name: string, change: NodeChange, generation?: number): Promise<Node> {
    const { tables } = this.#network;
    for (;;) {
      const known = findNode(this.#network, name);
      const row = changedNode(known.value, change);
      if (sameNode(known.value, row)) return row;
      const seen = { key: tables.nodes.keyOf(name), sequence: known.sequence };
      const fence = generation === undefined ? [] : [tables.fence(name, generation)];
      const require = [...fence, seen];
      const written = await this.#network.commit({ require, entries: [this.#update(row)] });
      if (written.kind === 'stored') return row;
      // Somebody else changed it meanwhile: judge the change against what it is now.
      if (written.kind === 'conflict' && written.key === seen.key) continue;
      throw new KelpieError('STALE_GENERATION', `a newer stream owns "${name}"`, { name });
    }
  }

  /** Ends a node's session and presence, whoever owns it. Throws NODE_NOT_FOUND. */
  async disconnect(name: string): Promise<void> {
    for (;;) {
      const owner = this.#network.tables.owners.get(name);
      if (!owner) throw notFound(name);
      if (await this.leave(name, owner.sequence, NodeLeaveReason.DISCONNECTED)) return;
    }
  }

  /** Ends a node's presence. False if a newer generation owns it. */
  async leave(name: string, generation: number, reason: NodeLeaveReason): Promise<boolean> {
    const { tables } = this.#network;
    const node = tables.nodes.get(name)?.value;
    const written = await this.#network.commit({
      require: [tables.fence(name, generation)],
      entries: [...(node ? [this.#departure(node, reason)] : []), tables.ownerDraft(name, null)],
    });
    if (written.kind === 'stored') this.#forgetLoss(name);
    return written.kind === 'stored';
  }

  /**
   * The node's stream ended without a goodbye: UNREACHABLE soon, LOST after the grace, unless the
   * node comes back. The fence decides; the timers only ask.
   */
  lost(name: string, generation: number): void {
    const { clock, times } = this.#network.options;
    // A late word of an older stream: the timers, if there are any, are its successor's.
    if (this.#network.tables.owners.get(name)?.sequence !== generation) return;
    this.#forgetLoss(name);
    const expire = () => this.#inBackground(this.leave(name, generation, NodeLeaveReason.LOST));
    const stray = () => {
      this.#losses.set(name, clock.after(times.graceMs - times.unreachableMs, expire));
      this.#inBackground(this.#markUnreachable(name, generation));
    };
    this.#losses.set(name, clock.after(times.unreachableMs, stray));
  }

  async #markUnreachable(name: string, generation: number): Promise<void> {
    const { tables } = this.#network;
    const known = tables.nodes.get(name)?.value;
    if (!known) return;
    await this.#network.commit({
      require: [tables.fence(name, generation)],
      entries: [this.#update(unreachable(known))],
    });
  }

  #inBackground(work: Promise<unknown>): void {
    work.catch(this.#network.options.onFault);
  }

  #forgetLoss(name: string): void {
    this.#losses.get(name)?.();
    this.#losses.delete(name);
  }

  #time(): Date {
    return new Date(this.#network.options.clock.wall());
  }

  /** Lost nodes whose grace runs. */
  get losses(): number {
    return this.#losses.size;
  }

  /** Stops all timers. */
  close(): void {
    for (const cancel of this.#losses.values()) cancel();
    this.#losses.clear();
  }
}

function outcomeOf(node: Node, owner: Folded<SessionRow> | undefined): Claimed['outcome'] {
  if (!owner) return 'NEW';
  return sameBytes(owner.value.instanceId, node.instanceId) ? 'RESUMED' : 'REPLACED';
}

function sameNode(left: Node, right: Node): boolean {
  return sameBytes(Node.encode(left).finish(), Node.encode(right).finish());
}

/** Of what a Hello said; not of what became of it since. */
function digestOf(node: Node): Uint8Array {
  return createHash('sha256').update(Node.encode(node).finish()).digest();
}
