/**
 * The transfers under way: one for each player at most, and each ends once, within its deadline. The machine of
 * transfer.ts decides; this feeds it with events and takes its actions.
 */
import { randomUUID } from 'node:crypto';
import type { PlayerRef } from '../../gen/ts/kelpie/v1/command.js';
import { type TransferDestination, TransferStage } from '../../gen/ts/kelpie/v1/transfer.js';
import { KelpieError } from '../core/errors.js';
import { PromptTurns } from '../core/prompt-turns.js';
import type { Limits } from '../network/limits.js';
import type { Network } from '../network/network.js';
import { playerNotFound } from '../players/player.js';
import type { PlayerRow } from '../players/rows.js';
import { inProgress, stopping, timedOut, transferLimit } from './errors.js';
import type { GoalOf } from './goals.js';
import { Issuers } from './issuers.js';
import {
  type Facts,
  factsOf,
  type Happening,
  type Request,
  type Running,
  RunningTransfers,
} from './running.js';
import { Runner, type RunnerParts } from './runner.js';
import { type Asked, begin, isMoving } from './transfer.js';

/** Players of one request. */
export const PLAYERS = 10_000;
const CONTEXT_BYTES = 16 * 1024;
/** The options that all transfers of one request share. */
export interface MoveOptions {
  /** Bytes for the target server. */
  readonly context: Uint8Array;
  /** The time that each transfer has. */
  readonly timeoutMs: number;
  /** Whose request this is; the transfers of one issuer are limited. Undefined: the coordinator's own. */
  readonly issuer?: string;
}

/** The progress or the end of one player's transfer. */
export interface MoveUpdate extends Facts {
  readonly stage: TransferStage;
  /** Set with stage FAILED. */
  readonly error: KelpieError | undefined;
  /** Whether this is the last update of the request. */
  readonly last: boolean;
  /** The players of the request whose transfers have not ended. */
  readonly playersLeft: number;
}

/** Called with each update. `read`: the issuer has read it. */
export type OnUpdate = (update: MoveUpdate, read: () => void) => void;

/** The parts that transfers need. */
export interface TransferParts extends RunnerParts {
  readonly network: Pick<Network, 'onEntries' | 'searches'>;
  readonly limits: Pick<Limits, 'transfers' | 'transferBytes'>;
}

/** The stage in which the node of a step has its command. */
const STAGES: Record<Asked, TransferStage> = {
  prepareArrival: TransferStage.PREPARING_ARRIVAL,
  prepareDeparture: TransferStage.PREPARING_DEPARTURE,
  transferPlayer: TransferStage.MOVING,
  confirmArrival: TransferStage.CONFIRMING,
};

export class Transfers {
  readonly #parts: TransferParts;
  readonly #running: RunningTransfers;
  readonly #runner: Runner;
  readonly #issuers = new Issuers();
  /** Spreads events over turns: a node may have thousands of transfers. */
  readonly #turns: PromptTurns;
  readonly #requests = new Set<Request>();
  #pending = 0;
  #bytes = 0;
  #isStopping = false;

  constructor(parts: TransferParts) {
    const { network, nodeRows, playerRows, clock, onFault } = parts;
    this.#parts = parts;
    this.#running = new RunningTransfers(playerRows, nodeRows);
    this.#runner = new Runner(parts, this.#running);
    this.#turns = new PromptTurns(clock, onFault);
    playerRows.watch((id, row) => this.#runner.moved(id, row));
    network.onEntries((entries) => {
      const happenings = [...this.#running.happenings(entries)];
      if (happenings.length > 0) this.#turns.add(this.#happened(happenings));
    });
  }

  /**
   * Checks a destination, and returns what `move` takes in its place: several calls then choose as one request does.
   * `reservationId`: a reservation whose slots the players use. Throws what `move` throws for a destination, or
   * RESERVATION_NOT_FOUND.
   */
  goalOf(destination: TransferDestination | undefined, reservationId = ''): GoalOf {
    return this.#parts.goals.of(destination, reservationId);
  }

  /**
   * Moves players. Calls `onUpdate` for each stage of each player's transfer, and once for its end, never before
   * `move` has returned. The issuer calls `read` when it has read an end: until then the end counts as a transfer
   * of the issuer. Throws TRANSFER_LIMIT, NO_TARGET, NODE_NOT_FOUND, NO_PUBLIC_ADDRESS, LABELS_INVALID, OUT_OF_RANGE,
   * PAYLOAD_TOO_LARGE or DRAINING, and then moves nobody.
   */
  move(
    refs: readonly PlayerRef[],
    destination: TransferDestination | GoalOf | undefined,
    options: MoveOptions,
    onUpdate: OnUpdate,
  ): void {
    if (this.#isStopping) throw stopping();
    const { context, timeoutMs, issuer } = options;
    checkContext(context);
    const goalOf = typeof destination === 'function' ? destination : this.goalOf(destination);
    this.#admit(refs.length, context.length, issuer);
    const request: Request = {
      ...{ context, timeoutMs, issuer },
      onIssued: (running, step) => this.#update(running, STAGES[step], onUpdate),
      onEnd: (facts, error) => this.#ended(request, facts, error, onUpdate),
      endsMs: this.#parts.clock.now() + timeoutMs,
      running: new Set(),
      left: refs.length,
      stop: this.#parts.clock.after(timeoutMs, () => this.#turns.add(this.#expired(request))),
    };
    this.#requests.add(request);
    void this.#start(request, refs, goalOf).catch(this.#parts.onFault);
  }

  /** Takes room for the transfers of a request, in the turn of the request. */
  #admit(players: number, contextBytes: number, issuer: string | undefined): void {
    if (players === 0) throw new KelpieError('NO_TARGET', 'no player is there');
    if (players > PLAYERS) {
      const message = `a request moves at most ${PLAYERS} players, not ${players}; select fewer`;
      throw transferLimit(message, PLAYERS);
    }
    const { transfers, transferBytes } = this.#parts.limits;
    if (this.#pending + this.#issuers.unread + players > transfers) {
      throw transferLimit(`${transfers} transfers are under way, the limit; try again`, transfers);
    }
    if (this.#bytes + contextBytes > transferBytes) {
      const message = `the contexts of transfers have ${transferBytes} bytes, the limit; try again`;
      throw transferLimit(message, transferBytes);
    }
    this.#issuers.take(issuer, players);
    this.#pending += players;
    this.#bytes += contextBytes;
  }

  /** Begins each transfer in a piece of a turn: the writes that follow at once are a part of the turn too. */
  async #start(request: Request, refs: readonly PlayerRef[], goalOf: GoalOf): Promise<void> {
    const { searches } = this.#parts.network;
    await Promise.resolve();
    for (const ref of refs) {
      await searches.work(this.#startOne(request, ref, goalOf), request.issuer ?? request);
    }
  }

  *#startOne(request: Request, player: PlayerRef, goalOf: GoalOf): Generator<undefined, void> {
    yield;
    const row = this.#parts.playerRows.onlineOf(player.playerId);
    const there = row?.generation === player.generation ? row : undefined;
    const refusal = this.#refusal(request, player, there);
    if (!there || refusal) {
      const facts = { player, playerName: there?.player.name ?? '', target: '' };
      request.onEnd(facts, refusal);
      return;
    }
    const running: Running = {
      ...{ id: randomUUID(), request, playerName: there.player.name, state: begin(player, there) },
      ...{ slots: [], asked: undefined, ticket: undefined },
    };
    this.#runner.run(running, goalOf);
  }

  #refusal(
    { endsMs, timeoutMs }: Request,
    { playerId }: PlayerRef,
    row: PlayerRow | undefined,
  ): KelpieError | undefined {
    if (this.#isStopping) return stopping();
    if (!row) return playerNotFound(playerId);
    const { slots } = this.#parts.goals;
    if (this.#running.has(playerId) || slots.isMovedElsewhere(playerId)) return inProgress();
    return this.#parts.clock.now() >= endsMs ? timedOut(timeoutMs, '', false) : undefined;
  }

  #update(running: Running, stage: TransferStage, onUpdate: OnUpdate): void {
    const left = { last: false, playersLeft: running.request.left };
    onUpdate({ ...factsOf(running), stage, error: undefined, ...left }, () => undefined);
  }

  #ended(request: Request, facts: Facts, error: KelpieError | undefined, onUpdate: OnUpdate): void {
    this.#pending -= 1;
    request.left -= 1;
    const last = request.left === 0;
    if (last) this.#forget(request);
    const read = this.#issuers.ended(request.issuer);
    const stage = error ? TransferStage.FAILED : TransferStage.ARRIVED;
    onUpdate({ ...facts, stage, error, last, playersLeft: request.left }, read);
  }

  #forget(request: Request): void {
    request.stop();
    this.#bytes -= request.context.length;
    this.#requests.delete(request);
  }

  *#happened(happenings: readonly Happening[]): Generator<undefined> {
    for (const [running, eventNow] of happenings) {
      const event = eventNow();
      if (event) this.#runner.take(running, event);
      yield;
    }
  }

  *#expired({ running, timeoutMs: limitMs }: Request): Generator<undefined> {
    for (const one of running) {
      this.#runner.take(one, { kind: 'deadline', limitMs });
      yield;
    }
  }

  /** Begins no transfers any more, and ends those whose players stay. */
  drain(): void {
    this.#isStopping = true;
    this.#stop(({ state }) => !isMoving(state));
  }

  /** Ends all transfers. */
  close(): void {
    this.#isStopping = true;
    this.#stop(() => true);
  }

  #stop(isConcerned: (running: Running) => boolean): void {
    const running = [...this.#running.all()].filter(isConcerned);
    this.#turns.add(this.#happened(running.map((one) => [one, () => ({ kind: 'stopping' })])));
  }

  /** How many transfers have not ended. */
  get pending(): number {
    return this.#pending;
  }

  /** The bytes of their contexts. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Commands of transfers that wait for a node, or have no reply. */
  get asked(): number {
    return this.#parts.nodeCommands.pending;
  }

  /** The issuers with a transfer that has not ended, or whose end they have not read. */
  get issuers(): number {
    return this.#issuers.size;
  }
}

/** Whether the transfer of the player has ended. */
export function isEnd({ stage }: MoveUpdate): boolean {
  return stage === TransferStage.ARRIVED || stage === TransferStage.FAILED;
}

function checkContext({ length }: Uint8Array): void {
  if (length <= CONTEXT_BYTES) return;
  const message = `the context has ${length} bytes; the limit is ${CONTEXT_BYTES}`;
  const metadata = { bytes: String(length), limit: String(CONTEXT_BYTES) };
  throw new KelpieError('PAYLOAD_TOO_LARGE', message, metadata);
}
