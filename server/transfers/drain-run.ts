/**
 * One drain while it moves players. It goes through the players who are on the node in passes, one player after the
 * other at its rate. The next pass takes the players whose transfers failed, and those who came meanwhile. The pause
 * between two passes doubles while nobody arrives elsewhere.
 */
import { DrainStage } from '../../gen/ts/kelpie/v1/node_service.js';
import { type Node, NodeRole } from '../../gen/ts/kelpie/v1/node.js';
import type { Cancel, Clock } from '../core/clock.js';
import { sameBytes } from '../core/cursor.js';
import { KelpieError } from '../core/errors.js';
import type { NodeRows } from '../nodes/rows.js';
import type { PlayerRows } from '../players/rows.js';
import { drainGoalOf } from './drain-goals.js';
import type { DrainPlan } from './drain-plan.js';
import type { GoalOf } from './goals.js';
import { type DrainProgress, DrainWatchers } from './drain-watchers.js';
import { isEnd, type Transfers } from './transfers.js';

/** The time that the transfer of one player has. */
const TRANSFER_MS = 30_000;
const PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 10_000;
/** How late a player may be moved without a delay of all later players: timers are not exact. */
const LATE_MS = 100;
/** The most players whose transfers begin in one turn of the event loop. */
const TURN_MOVES = 16;
const NO_CONTEXT = new Uint8Array();

/** The parts that a drain needs. */
export interface DrainParts {
  readonly transfers: Pick<Transfers, 'move' | 'goalOf'>;
  readonly players: PlayerRows;
  readonly nodes: NodeRows['nodes'];
  readonly clock: Clock;
  /** The node of the drain, as it is now. */
  readonly nodeNow: () => Node | undefined;
  /** Whether this coordinator moves the players. If not, the drain only shows its watchers how it goes. */
  readonly isOurs: () => boolean;
  /** Stores that the drain has ended. False: somebody has cancelled or replaced it. */
  readonly storeEnd: () => Promise<boolean>;
  /** Called once, after the end. */
  readonly onEnd: () => void;
  readonly onFault: (error: unknown) => void;
}

export class DrainRun {
  readonly watchers: DrainWatchers;
  readonly #parts: DrainParts;
  /** The process that the drain empties. */
  #process: Uint8Array | undefined;
  #plan: DrainPlan;
  /** Chooses the goals of all players. Undefined while the destination is not there. */
  #goalOf: GoalOf | undefined;
  #endsMs: number;
  #state: 'MOVING' | 'ENDING' | 'ENDED' = 'MOVING';
  #timer: Cancel | undefined;
  #stepComes = false;
  /** When the next player may be moved. */
  #nextMs: number;
  /** When the next pass begins. */
  #passMs: number;
  #pauseMs = PAUSE_MS;
  /** The last player of this pass. */
  #passed = '';
  /** The players whose transfers have not ended. */
  readonly #moving = new Set<string>();
  #moved = 0;
  #movedBefore = 0;
  #failed = 0;
  #lastError: KelpieError | undefined;

  constructor(plan: DrainPlan, parts: DrainParts) {
    this.#parts = parts;
    this.#plan = plan;
    this.#process = parts.nodeNow()?.instanceId;
    this.#nextMs = this.#passMs = parts.clock.now();
    this.#endsMs = this.#nextMs + plan.deadlineMs;
    this.watchers = new DrainWatchers(parts.clock, () => this.#progress(DrainStage.MOVING));
    this.wake();
  }

  /** Goes on with another plan, which begins now. */
  replace(plan: DrainPlan): void {
    this.#plan = plan;
    this.#process = this.#parts.nodeNow()?.instanceId;
    this.#goalOf = undefined;
    this.#nextMs = this.#passMs = this.#parts.clock.now();
    this.#endsMs = this.#nextMs + plan.deadlineMs;
    this.#pauseMs = PAUSE_MS;
    this.#passed = '';
    this.wake();
  }

  /** The node or its players changed. The drain looks in a later turn: its caller watches it by then. */
  wake(): void {
    if (this.#state === 'ENDED') return;
    this.watchers.changed();
    if (this.#stepComes) return;
    this.#stepComes = true;
    setImmediate(() => {
      this.#stepComes = false;
      this.#step();
    });
  }

  /** Somebody cancelled the drain. Transfers that have begun go on. */
  cancel(): void {
    this.#finish(this.#progress(DrainStage.CANCELLED));
  }

  /** Stops without an end: the coordinator stops. */
  close(): void {
    this.#state = 'ENDED';
    this.#timer?.();
    this.watchers.close();
  }

  /** The coordinator that moves the players has ended the drain. */
  endElsewhere(): void {
    const stage = this.#stageNow();
    this.#finish(this.#progress(stage === DrainStage.MOVING ? DrainStage.DEADLINE_PASSED : stage));
  }

  #step(): void {
    if (this.#state !== 'MOVING') return;
    this.#timer?.();
    if (!this.#parts.isOurs()) return;
    const stage = this.#stageNow();
    if (stage !== DrainStage.MOVING) return this.#end(this.#progress(stage));
    const waitMs = Math.min(this.#moveWhoIsDue(), this.#endsMs - this.#parts.clock.now());
    this.#timer = this.#parts.clock.after(Math.max(0, waitMs), () => this.#step());
  }

  #stageNow(): DrainStage {
    const node = this.#parts.nodeNow();
    if (!node || !sameBytes(node.instanceId, this.#process ?? node.instanceId)) {
      return DrainStage.NODE_LEFT;
    }
    const isEmpty = this.#playersLeft() === 0;
    // The last players have left the node, and may be on the way: so the counts are those of all transfers.
    if (isEmpty && this.#moving.size === 0) return DrainStage.EMPTY;
    if (this.#parts.clock.now() < this.#endsMs) return DrainStage.MOVING;
    return isEmpty ? DrainStage.EMPTY : DrainStage.DEADLINE_PASSED;
  }

  /** Moves the players who are due. Returns the time until the next one is due. */
  #moveWhoIsDue(): number {
    const nowMs = this.#parts.clock.now();
    for (let begun = 0; begun < TURN_MOVES; begun++) {
      const dueMs = Math.max(this.#nextMs, this.#passMs);
      if (dueMs > nowMs) return dueMs - nowMs;
      const id = this.#nextOfPass();
      if (id === undefined) this.#pause(nowMs);
      else {
        this.#nextMs = Math.max(dueMs, nowMs - LATE_MS) + this.#plan.spacingMs;
        this.#move(id);
      }
    }
    return 0;
  }

  #nextOfPass(): string | undefined {
    for (const id of this.#online().after(this.#passed)) {
      this.#passed = id;
      if (!this.#moving.has(id)) return id;
    }
    return undefined;
  }

  #pause(nowMs: number): void {
    const better = this.#moved > this.#movedBefore;
    this.#pauseMs = better ? PAUSE_MS : Math.min(2 * this.#pauseMs, LONGEST_PAUSE_MS);
    this.#movedBefore = this.#moved;
    this.#passed = '';
    this.#passMs = nowMs + this.#pauseMs;
  }

  #move(playerId: string): void {
    const { players, transfers } = this.#parts;
    const ref = { playerId, generation: players.get(playerId)?.generation ?? 0 };
    const options = { context: NO_CONTEXT, timeoutMs: TRANSFER_MS };
    this.#moving.add(playerId);
    try {
      this.#goalOf ??= drainGoalOf(this.#plan.destination, this.#parts);
      transfers.move([ref], this.#goalOf, options, (update, read) => {
        if (!isEnd(update)) return;
        read();
        this.#settle(playerId, update.error);
      });
    } catch (error) {
      if (!(error instanceof KelpieError)) throw error;
      this.#settle(playerId, error);
    }
  }

  #settle(playerId: string, error: KelpieError | undefined): void {
    this.#moving.delete(playerId);
    if (error) this.#failed += 1;
    else this.#moved += 1;
    this.#lastError = error ?? this.#lastError;
    this.wake();
  }

  /** The players online on the node: those of a proxy, or those on a server. */
  #online() {
    const { players, nodeNow } = this.#parts;
    const node = nodeNow();
    const groups = node?.role === NodeRole.PROXY ? players.byProxy : players.byServer;
    return groups.get(node?.name ?? '');
  }

  /** A player who logs in counts too: a restart of the node would end their login. */
  #playersLeft(): number {
    const name = this.#parts.nodeNow()?.name ?? '';
    return this.#online().size + this.#parts.players.index.loginsOf(name);
  }

  #progress(stage: DrainStage): DrainProgress {
    return {
      stage,
      playersLeft: this.#playersLeft(),
      playersMoved: this.#moved,
      transfersFailed: this.#failed,
      lastError: this.#lastError,
      node: this.#parts.nodeNow(),
    };
  }

  /** Ends the drain when its row has the end. A drain that is replaced or cancelled meanwhile goes its own way. */
  #end(last: DrainProgress): void {
    const plan = this.#plan;
    this.#state = 'ENDING';
    this.#parts.storeEnd().then(
      (stored) => (stored ? this.#finish(last) : this.#goOn()),
      (error: unknown) => {
        this.#parts.onFault(error);
        if (this.#plan !== plan) return this.#goOn();
        // The drain has ended here. It begins again with the next start of a coordinator.
        this.#finish(last);
      },
    );
  }

  #goOn(): void {
    if (this.#state !== 'ENDING') return;
    this.#state = 'MOVING';
    this.wake();
  }

  #finish(last: DrainProgress): void {
    if (this.#state === 'ENDED') return;
    this.#state = 'ENDED';
    this.#timer?.();
    this.#parts.onEnd();
    this.watchers.end(last);
  }
}
