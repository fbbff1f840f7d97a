/**
 * The drains that move players. They follow the rows of `nodes/drain.ts`: a row begins a drain, replaces its plan or
 * cancels it. The coordinator that the row names moves the players. When it is gone, one of the others takes the drain
 * over and goes on, with its whole deadline.
 */
import { DrainNodeRequest, DrainStage } from '../../gen/ts/kelpie/v1/node_service.js';
import { type Node, NodeRole } from '../../gen/ts/kelpie/v1/node.js';
import type { TransferDestination } from '../../gen/ts/kelpie/v1/transfer.js';
import type { Cancel, Clock } from '../core/clock.js';
import { KelpieError, outOfRange } from '../core/errors.js';
import type { NodeDrains } from '../nodes/drain.js';
import type { Holders } from '../nodes/holders.js';
import { findNode } from '../nodes/queries.js';
import type { NodeRows } from '../nodes/rows.js';
import type { PlayerRows } from '../players/rows.js';
import { planOf } from './drain-plan.js';
import { DrainRun } from './drain-run.js';
import type { DrainWatcher } from './drain-watchers.js';
import type { Transfers } from './transfers.js';

/** The most callers who watch drains. */
const WATCHERS = 1000;

/** The parts that drains need. */
export interface DrainsParts {
  readonly transfers: Pick<Transfers, 'move' | 'goalOf'>;
  readonly stored: Pick<NodeDrains, 'begin' | 'end' | 'takeOver'>;
  readonly holders: Pick<Holders, 'own' | 'isGone' | 'onJudged'>;
  readonly nodeRows: NodeRows;
  readonly playerRows: PlayerRows;
  readonly clock: Clock;
  readonly onFault: (error: unknown) => void;
}

export class Drains {
  readonly #parts: DrainsParts;
  readonly #runs = new Map<string, DrainRun>();
  #watching = 0;
  #closed = false;

  /** Drains that the table has already go on. */
  constructor(parts: DrainsParts) {
    this.#parts = parts;
    const { nodeRows, playerRows } = parts;
    nodeRows.drains.watch((name, _, after) => this.#follow(name, after));
    nodeRows.nodes.watch((name) => this.#runs.get(name)?.wake());
    playerRows.watch((_, after, before) => {
      if (this.#runs.size === 0) return;
      for (const name of [before?.server, after?.server, before?.proxy, after?.proxy]) {
        if (name !== undefined) this.#runs.get(name)?.wake();
      }
    });
    for (const [name, row] of nodeRows.drains.entries()) this.#follow(name, row);
    this.#takeOver();
    parts.holders.onJudged(() => this.#takeOver());
  }

  /** Goes on with the drains of coordinators that are gone. All others try, and one of them is the first. */
  #takeOver(): void {
    const { nodeRows, holders, stored, onFault } = this.#parts;
    if (this.#closed) return;
    for (const [name, { value, sequence }] of nodeRows.drains.entries()) {
      if (value.ended || !holders.isGone(value.coordinatorId, sequence)) continue;
      stored.takeOver(name, sequence).catch(onFault);
    }
  }

  /**
   * Drains the node, or replaces the plan of its drain, and reports the progress until the returned function is
   * called: once at once, and the end. Throws NODE_NOT_FOUND, ROLE_HOLDS_NO_PLAYERS, OUT_OF_RANGE,
   * DEADLINE_INVALID, LABELS_INVALID, NO_PUBLIC_ADDRESS or TRANSFER_LIMIT.
   */
  async drain(request: DrainNodeRequest, watcher: DrainWatcher): Promise<Cancel> {
    const node = findNode(this.#parts.nodeRows, request.name).value;
    const { destination } = planOf(request, node.role);
    this.#parts.transfers.goalOf(destination);
    checkOther(node, destination);
    if (this.#watching >= WATCHERS) throw tooManyWatchers();
    this.#watching += 1;
    try {
      await this.#parts.stored.begin(request);
    } catch (error) {
      this.#watching -= 1;
      throw error;
    }
    const stop = this.#watch(node.name, watcher);
    return () => {
      this.#watching -= 1;
      stop();
    };
  }

  #watch(name: string, watcher: DrainWatcher): Cancel {
    const run = this.#runs.get(name);
    if (run) return run.watchers.add(watcher);
    // Somebody cancelled the drain as soon as it was stored.
    watcher({
      ...{ stage: DrainStage.CANCELLED, playersLeft: 0, playersMoved: 0, transfersFailed: 0 },
      ...{ lastError: undefined, node: this.#parts.nodeRows.nodes.get(name)?.value },
    });
    return () => undefined;
  }

  #follow(name: string, row: ReturnType<NodeRows['drains']['get']>): void {
    const run = this.#runs.get(name);
    if (!row) return run?.cancel();
    if (this.#closed) return;
    const isOurs = this.#isOurs(name);
    if (row.value.ended) {
      if (!isOurs) run?.endElsewhere();
      return;
    }
    const request = row.value.request ?? DrainNodeRequest.create({ name });
    if (isOurs || run) this.#run(name, request);
  }

  /** Whether this coordinator moves the players of the node. */
  #isOurs(name: string): boolean {
    const { nodeRows, holders } = this.#parts;
    return nodeRows.drains.get(name)?.value.coordinatorId === holders.own;
  }

  /** Begins the drain, or goes on with its present plan. */
  #run(name: string, request: DrainNodeRequest): void {
    const { transfers, stored, nodeRows, playerRows: players, clock, onFault } = this.#parts;
    const { nodes, drains } = nodeRows;
    const plan = planOf(request, nodes.get(name)?.value.role ?? NodeRole.UNSPECIFIED);
    const run = this.#runs.get(name);
    if (run) return run.replace(plan);
    const parts = {
      ...{ transfers, players, nodes, clock, onFault },
      nodeNow: () => nodes.get(name)?.value,
      isOurs: () => this.#isOurs(name),
      storeEnd: () => stored.end(name, drains.get(name)?.sequence ?? 0),
      onEnd: () => this.#runs.delete(name),
    };
    this.#runs.set(name, new DrainRun(plan, parts));
  }

  /** How many drains move players. */
  get pending(): number {
    return this.#runs.size;
  }

  /** How many callers watch drains. */
  get watching(): number {
    return this.#watching;
  }

  /** Stops all drains. They go on after the next start of a coordinator. */
  close(): void {
    this.#closed = true;
    for (const run of this.#runs.values()) run.close();
    this.#runs.clear();
  }
}

/** Throws OUT_OF_RANGE if the destination is the node itself. */
function checkOther({ name }: Node, { place }: TransferDestination): void {
  const typed = place?.$case === 'proxy' ? place.value.name : place?.value;
  if (typeof typed !== 'string' || typed.toLowerCase() !== name) return;
  const message = `"${name}" is the node to empty; name another destination for its players`;
  throw outOfRange(`destination.${place?.$case ?? ''}`, name, message);
}

function tooManyWatchers(): KelpieError {
  const message = `${WATCHERS} callers watch drains already; try again later`;
  return new KelpieError('TRANSFER_LIMIT', message, { limit: String(WATCHERS) });
}
