/** Ownership of nodes: claims of a name, losses of a stream, and departures. */
import { randomBytes } from 'node:crypto';
import { SessionRow } from '../../gen/ts/kelpie/storage/v1/session_row.js';
import { NodeLeaveReason } from '../../gen/ts/kelpie/v1/event.js';
import { Node, type NodeChange } from '../../gen/ts/kelpie/v1/node.js';
import { hex, ID_BYTES, sameBytes } from '../core/cursor.js';
import { KelpieError } from '../core/errors.js';
import { InTurn } from '../core/in-turn.js';
import { Turnstile } from '../core/turnstile.js';
import type { Draft, Transaction } from '../journal/journal.js';
import { Dependents, type Ending } from './dependents.js';
import { Losses, type LossesOptions } from './grace.js';
import { inheritNodes } from './inheritance.js';
import type { Clock } from '../core/clock.js';
import type { Times } from '../network/limits.js';
import type { Network } from '../network/network.js';
import { drainedNode, resumed } from './change.js';
import { NodeDrains } from './drain.js';
import type { Holders } from './holders.js';
import { notFound } from './queries.js';
import { nodeContested, type NodeRows } from './rows.js';
import { NodeUpdates, sameNode } from './updates.js';
import type { Folded } from '../network/table.js';

/** Asks whether the holder of a name is alive. The layer of sessions implements it. */
export interface LivenessProbe {
  /** Undefined: nobody can tell now, because the holder's coordinator does not answer. */
  alive(name: string): Promise<boolean | undefined>;
}

/** The result of a claim. */
export interface Claimed {
  /** The fencing token: every write in the node's name requires it. */
  readonly generation: number;
  readonly outcome: 'NEW' | 'RESUMED' | 'REPLACED';
}

/** A former owner whose process is gone, and the last entries that end what it owned. */
interface Gone extends Ending {
  readonly sequence: number;
}

type ClaimNetwork = Pick<Network, 'commit' | 'caughtUp'>;
const nothing: Ending = { require: [], entries: [] };

/** The journal decides between concurrent writers of a node. A writer does not lose this often in practice. */
const ATTEMPTS = 8;
/** How many nodes one turn of the event loop marks UNREACHABLE or LOST. */
const VERDICTS = 16;

/** The clocks, times and coordinators that claims use. */
export interface ClaimOptions {
  readonly clock: Clock;
  /** Counts only the time in which this coordinator listened. The grace of a node runs by it. */
  readonly listening: Clock;
  readonly times: Pick<Times, 'unreachableMs' | 'graceMs'>;
  readonly holders: Pick<Holders, 'own' | 'isGone' | 'onJudged'>;
  readonly members: LossesOptions['members'];
  /** Called with the error of work in the background. */
  readonly onFault: (error: unknown) => void;
}

export class NodeClaims {
  /** Each subject whose state ends with a node registers here. */
  readonly dependents = new Dependents();
  /** Drains of nodes by operators. */
  readonly drains: NodeDrains;
  readonly #network: ClaimNetwork;
  readonly #rows: NodeRows;
  readonly #options: ClaimOptions;
  readonly #losses: Losses;
  /** Writers of the row of one node take turns. */
  readonly #turns = new InTurn();
  readonly #updates: NodeUpdates;
  /** Claims under way, by their nonces. */
  readonly #claims = new Set<string>();
  /** Endings in progress, by the generation that ends. */
  readonly #endings = new Map<number, Promise<boolean>>();
  /** When many streams break at once, this spreads the marking of their nodes over turns. */
  readonly #verdicts = new Turnstile(VERDICTS);

  constructor(network: ClaimNetwork, rows: NodeRows, options: ClaimOptions) {
    this.#network = network;
    this.#rows = rows;
    this.#options = options;
    this.#updates = new NodeUpdates(network, rows, options.clock, this.#turns);
    const { own } = options.holders;
    this.drains = new NodeDrains(network, rows, { ...options, turns: this.#turns, own });
    this.#losses = new Losses(
      { ...options, clock: options.listening },
      {
        unreachable: async (name, generation) => {
          await this.#verdicts.pass();
          await this.#updates.markUnreachable(name, generation);
        },
        lost: async (name, generation) => {
          await this.#verdicts.pass();
          await this.leave(name, generation, NodeLeaveReason.LOST);
        },
      },
    );
    const isAwaited = ({ nonce }: SessionRow): boolean => this.#claims.has(hex(nonce));
    inheritNodes(rows.owners, this.#losses, { ...options, isAwaited });
  }

  /**
   * Gives the node to a session. The instance that holds the node always gets it; another instance gets it only
   * if the holder's process is gone. Throws NODE_NAME_IN_USE, ENGINE_UNAVAILABLE if nobody can tell that, or ROLE_INVALID
   * for another role of the holder.
   */
  async claim(node: Node, sessionId: string, probe: LivenessProbe): Promise<Claimed> {
    const rows = this.#rows;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const owner = rows.owners.get(node.name);
      let gone: Gone | undefined;
      if (owner && outcomeOf(node, owner) === 'REPLACED') {
        const alive = await probe.alive(node.name);
        if (alive) break;
        if (alive === undefined) throw holderUnknown(node.name);
        // All that the former process owned must end before the new process may own anything.
        const { sequence } = owner;
        const fence = rows.fence(node.name, sequence);
        gone = { sequence, ...(await this.dependents.end(node.name, fence)) };
      }
      const claimed = await this.#turns.run(node.name, () => this.#take(node, sessionId, gone));
      if (!claimed) continue;
      if (gone) await this.dependents.sweep(node.name);
      return claimed;
    }
    throw new KelpieError(
      'NODE_NAME_IN_USE',
      `a living process holds the name "${node.name}"; give this one another name, or stop the other`,
      { name: node.name },
    );
  }

  /** Undefined: another owner was faster; `claim` must check that owner. */
  async #take(node: Node, sessionId: string, gone: Gone | undefined): Promise<Claimed | undefined> {
    const rows = this.#rows;
    const owner = rows.owners.get(node.name);
    const outcome = outcomeOf(node, owner);
    const ends = outcome === 'REPLACED' ? gone : nothing;
    if (!ends || (owner && ends === gone && owner.sequence !== gone.sequence)) return undefined;
    const arrival = this.#arrival(node, outcome);
    const seen = arrival.length > 0 ? [rows.seen(node.name), rows.drains.seen(node.name)] : [];
    const fence = rows.fence(node.name, owner?.sequence ?? 0);
    const claimant = this.#ownerRow(node, sessionId);
    const generation = await this.#store(node.name, claimant, {
      require: [fence, ...ends.require, ...seen],
      // The owner's row comes first: its sequence is the generation.
      entries: [rows.ownerDraft(node.name, claimant), ...ends.entries, ...arrival],
    });
    return generation === undefined ? undefined : { generation, outcome };
  }

  /**
   * Stores a claim and returns its generation; undefined: another owner came first. After an unknown outcome
   * the nonce in the owner's row decides: a stored claim belongs to this session. A claim that is not stored, or
   * that another owner has replaced, rejects with OUTCOME_UNKNOWN. Then the node connects again; the coordinator
   * does not retry. If the row comes later all the same, the grace of the node begins.
   */
  async #store(
    name: string,
    { nonce }: SessionRow,
    transaction: Transaction,
  ): Promise<number | undefined> {
    this.#claims.add(hex(nonce));
    try {
      const written = await this.#network.commit(transaction);
      return written.kind === 'stored' ? written.first : undefined;
    } catch (error) {
      if (!(error instanceof KelpieError) || error.reason !== 'OUTCOME_UNKNOWN') throw error;
      await this.#network.caughtUp().catch(() => undefined);
      const owner = this.#rows.owners.get(name);
      if (owner && sameBytes(owner.value.nonce, nonce)) return owner.sequence;
      throw error;
    } finally {
      this.#claims.delete(hex(nonce));
    }
  }

  #ownerRow(node: Node, sessionId: string): SessionRow {
    const { own: coordinatorId } = this.#options.holders;
    const { instanceId } = node;
    const nonce = randomBytes(ID_BYTES);
    return SessionRow.create({ instanceId, coordinatorId, sessionId, nonce });
  }

  /** The events of a claim. A resumed node causes an event only if its public row changed. */
  #arrival(node: Node, outcome: Claimed['outcome']): Draft[] {
    const rows = this.#rows;
    const known = rows.nodes.get(node.name)?.value;
    if (known && outcome === 'RESUMED') {
      const row = resumed(known, node);
      return sameNode(known, row) ? [] : [rows.updateDraft(row, this.#time())];
    }
    const drained = rows.drains.get(node.name) !== undefined;
    const row = drainedNode({ ...node, joinTime: this.#time() }, drained);
    const joined = { $case: 'nodeJoined', value: { node: row } } as const;
    const drafts = known
      ? [rows.departureDraft(known, NodeLeaveReason.REPLACED, this.#time())]
      : [];
    return [...drafts, rows.nodeDraft(node.name, this.#time(), joined, row)];
  }

  /**
   * Changes a node. With a generation the change comes from the owner: throws STALE_GENERATION if another
   * generation owns the node. Throws NODE_NOT_FOUND, LABELS_INVALID, COMMAND_INVALID or OUT_OF_RANGE.
   */
  update(name: string, change: NodeChange, generation?: number): Promise<Node> {
    return this.#updates.update(name, change, generation);
  }

  /** Ends a node's session and presence under any owner. Throws NODE_NOT_FOUND. */
  async disconnect(name: string): Promise<void> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const owner = this.#rows.owners.get(name);
      if (!owner) throw notFound(name);
      if (await this.leave(name, owner.sequence, NodeLeaveReason.DISCONNECTED)) return;
    }
    throw nodeContested(name);
  }

  /**
   * Ends a node's presence, and all that the node owns. False if a newer generation owns the node. A second
   * call for the same generation waits for the first.
   */
  leave(name: string, generation: number, reason: NodeLeaveReason): Promise<boolean> {
    const started = this.#endings.get(generation);
    if (started) return started;
    const ending = this.#end(name, generation, reason).finally(() =>
      this.#endings.delete(generation),
    );
    this.#endings.set(generation, ending);
    return ending;
  }

  async #end(name: string, generation: number, reason: NodeLeaveReason): Promise<boolean> {
    const rows = this.#rows;
    const fence = rows.fence(name, generation);
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const owned = await this.dependents.end(name, fence);
      const written = await this.#turns.run(name, () => {
        const node = rows.nodes.get(name)?.value;
        const departure = node ? [rows.departureDraft(node, reason, this.#time())] : [];
        return this.#network.commit({
          // The node's row too: the event must show the node as it was when it left.
          require: [...owned.require, fence, rows.seen(name)],
          entries: [...owned.entries, ...departure, rows.ownerDraft(name, null)],
        });
      });
      // The node changed, or another node took over something that it owned: read the rows again.
      if (written.kind === 'conflict' && written.key !== fence.key) continue;
      if (written.kind !== 'stored') return false;
      await this.dependents.sweep(name);
      return true;
    }
    throw nodeContested(name);
  }

  /** The node's stream ended without a goodbye. */
  lost(name: string, generation: number): void {
    // A newer stream owns the node: a timer of this node belongs to that stream.
    if (this.#rows.owners.get(name)?.sequence !== generation) return;
    this.#losses.seen(name, generation);
  }

  #time(): Date {
    return new Date(this.#options.clock.wall());
  }

  /** Whether the node is in its grace. */
  isLost(name: string): boolean {
    return this.#losses.has(name);
  }

  /** How many nodes without a stream are in their grace. */
  get losses(): number {
    return this.#losses.size;
  }

  /** Stops all timers. */
  close(): void {
    this.#losses.close();
  }
}

/** A new process that gets this tries again, until the holder's coordinator answers or counts as dead. */
function holderUnknown(name: string): KelpieError {
  const message = `the coordinator of the process that holds the name "${name}" does not answer; try again`;
  return new KelpieError('ENGINE_UNAVAILABLE', message, {}, { retryAfterMs: 1000 });
}

function outcomeOf(node: Node, owner: Folded<SessionRow> | undefined): Claimed['outcome'] {
  if (!owner) return 'NEW';
  return sameBytes(owner.value.instanceId, node.instanceId) ? 'RESUMED' : 'REPLACED';
}
