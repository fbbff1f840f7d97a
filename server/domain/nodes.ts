/** Who is part of the network: claiming a name, losing a stream, leaving. */
import { createHash, randomBytes } from 'node:crypto';
import type { SessionRow } from '../../gen/ts/kelpie/storage/v1/session_row.js';
import { NodeLeaveReason } from '../../gen/ts/kelpie/v1/event.js';
import { Node, type NodeChange } from '../../gen/ts/kelpie/v1/node.js';
import { ID_BYTES, sameBytes } from '../core/cursor.js';
import { KelpieError } from '../core/errors.js';
import type { Draft } from '../journal/journal.js';
import { Losses } from './losses.js';
import type { Network } from './network.js';
import { endsOf } from './player-ends.js';
import { transactionOf } from './player-writes.js';
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
  readonly #losses: Losses;

  /** Nodes that a former coordinator left behind have the grace from now on to come back. */
  constructor(network: Network) {
    const { options, tables } = network;
    this.#network = network;
    this.#losses = new Losses(options, {
      unreachable: (name, generation) => this.#markUnreachable(name, generation),
      lost: (name, generation) => this.leave(name, generation, NodeLeaveReason.LOST),
    });
    for (const [name, { value, sequence }] of tables.owners.entries()) {
      if (value.coordinatorId !== options.coordinatorId) this.#losses.inherited(name, sequence);
    }
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
      const fence = tables.fence(node.name, owner?.sequence ?? 0);
      const ends = outcome === 'REPLACED' ? await endsOf(this.#network, node.name, fence) : [];
      const { require, entries } = transactionOf(ends, fence);
      const arrival = this.#arrival(node, outcome, owner);
      const seen = arrival.length > 0 ? [tables.seen(node.name)] : [];
      const owned = tables.ownerDraft(node.name, this.#ownerRow(node, sessionId));
      const written = await this.#network.commit({
        require: [...require, ...seen],
        // The owner's first: its sequence is the generation.
        entries: [owned, ...entries, ...arrival],
      });
      if (written.kind !== 'stored') continue;
      this.#losses.forget(node.name);
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
      const seen = tables.seen(name);
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

  /**
   * Ends a node's presence, and that of its players with it. False if a newer generation owns it.
   */
  async leave(name: string, generation: number, reason: NodeLeaveReason): Promise<boolean> {
    const { tables } = this.#network;
    const fence = tables.fence(name, generation);
    for (;;) {
      const { require, entries } = transactionOf(await endsOf(this.#network, name, fence), fence);
      const node = tables.nodes.get(name)?.value;
      const departure = node ? [this.#departure(node, reason)] : [];
      const written = await this.#network.commit({
        require,
        entries: [...entries, ...departure, tables.ownerDraft(name, null)],
      });
      // A player of it was given to another proxy meanwhile: look again.
      if (written.kind === 'conflict' && written.key !== fence.key) continue;
      if (written.kind === 'stored') this.#losses.forget(name);
      return written.kind === 'stored';
    }
  }

  /** The node's stream ended without a goodbye. */
  lost(name: string, generation: number): void {
    // A late word of an older stream: a timer, if there is one, is its successor's.
    if (this.#network.tables.owners.get(name)?.sequence !== generation) return;
    this.#losses.seen(name, generation);
  }

  async #markUnreachable(name: string, generation: number): Promise<void> {
    const { tables } = this.#network;
    for (;;) {
      const known = tables.nodes.get(name);
      if (!known) return;
      const seen = tables.seen(name);
      const written = await this.#network.commit({
        require: [tables.fence(name, generation), seen],
        entries: [this.#update(unreachable(known.value))],
      });
      // Somebody changed the node meanwhile, which must not be undone: look again.
      if (written.kind !== 'conflict' || written.key !== seen.key) return;
    }
  }

  #time(): Date {
    return new Date(this.#network.options.clock.wall());
  }

  /** Nodes without a stream whose grace runs. */
  get losses(): number {
    return this.#losses.size;
  }

  /** Stops all timers. */
  close(): void {
    this.#losses.close();
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
