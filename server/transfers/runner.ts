/**
 * Runs transfers: feeds the machine of transfer.ts with what happens, and takes its actions. Each transfer ends by
 * the action `end`, once.
 */
import type { Clock } from '../core/clock.js';
import { KelpieError } from '../core/errors.js';
import { wireError } from '../core/wire-error.js';
import type { NodeRows } from '../nodes/rows.js';
import type { PlayerRow, PlayerRows } from '../players/rows.js';
import type { Tickets } from '../players/tickets.js';
import { inProgress, notHandled, quit, targetLost } from './errors.js';
import type { GoalOf, Goals } from './goals.js';
import { COMMAND_NAMES, commandOf, endedCommand } from './move-commands.js';
import type { NodeCommands } from './node-commands.js';
import { factsOf, type Running, type RunningTransfers } from './running.js';
import { type Action, type Asked, hasEnded, next, type TransferEvent } from './transfer.js';

/** The time in which a server gets transfer_ended. */
const REPORT_MS = 10_000;
/** Commands that wait for a node, above which the node does not get transfer_ended. */
const REPORTS = 10_000;

/** A command without a reply may end so much before the deadline of its transfer. */
const EARLY_MS = 50;
/** The ends of such a command. */
const LATE: ReadonlySet<string> = new Set(['OUTCOME_UNKNOWN', 'NOT_DELIVERED']);

/** The parts that a runner needs. */
export interface RunnerParts {
  readonly nodeRows: NodeRows;
  readonly playerRows: PlayerRows;
  readonly goals: Goals;
  readonly tickets: Pick<Tickets, 'issue' | 'revoke'>;
  readonly nodeCommands: NodeCommands;
  readonly clock: Clock;
  readonly onFault: (error: unknown) => void;
}

export class Runner {
  readonly #parts: RunnerParts;
  readonly #running: RunningTransfers;

  constructor(parts: RunnerParts, running: RunningTransfers) {
    this.#parts = parts;
    this.#running = running;
  }

  /** Begins a transfer. */
  run(running: Running, goalOf: GoalOf): void {
    this.#running.add(running);
    void this.#hold(running, goalOf).catch(this.#parts.onFault);
  }

  async #hold(running: Running, goalOf: GoalOf): Promise<void> {
    const { goals, playerRows, clock } = this.#parts;
    const { playerId, generation } = running.state.player;
    const rowNow = (): PlayerRow => {
      const row = playerRows.onlineOf(playerId);
      if (row?.generation === generation) return row;
      throw quit();
    };
    try {
      const timeMs = running.request.endsMs - clock.now();
      const { goal, slots } = await goalOf(rowNow, timeMs, playerId);
      const isSecond = goals.slots.isMovedElsewhere(playerId, slots);
      if (isSecond || hasEnded(running.state)) await goals.slots.release(slots);
      if (hasEnded(running.state)) return;
      if (isSecond) throw inProgress();
      running.slots = slots;
      // The player may have moved since their slots are stored.
      this.moved(playerId, playerRows.onlineOf(playerId));
      const lost = this.#running.lostOf(goal);
      if (lost !== undefined) throw targetLost(lost);
      this.#running.follow(running, goal);
      this.take(running, { kind: 'held', goal });
    } catch (error) {
      this.take(running, { kind: 'refused', step: 'hold', error: this.#public(error) });
    }
  }

  #public(error: unknown): KelpieError {
    if (error instanceof KelpieError) return error;
    this.#parts.onFault(error);
    return new KelpieError('INTERNAL', 'the coordinator failed; its log says more');
  }

  /** Gives an event to a transfer, and takes the actions that follow. */
  take(running: Running, event: TransferEvent): void {
    const before = running.state.step;
    const [state, actions] = next(running.state, event);
    running.state = state;
    if (state.step !== before) this.#left(running);
    for (const action of actions) this.#act(running, action);
  }

  /** The row of the player changed: undefined, if they left. */
  moved(playerId: string, row: PlayerRow | undefined): void {
    const { goals, onFault } = this.#parts;
    const running = this.#running.of(playerId);
    if (running) running.slots = goals.slots.follow(running.slots, row, onFault);
  }

  /** The step is over. A command without a reply stays with its node, unless the transfer failed. */
  #left(running: Running): void {
    const { asked, state } = running;
    running.asked = undefined;
    if (state.step === 'failed') asked?.withdraw();
    else asked?.leave();
  }

  #act(running: Running, action: Action): void {
    switch (action.do) {
      case 'ask':
        return this.#ask(running, action.step, action.node);
      case 'store':
        return this.#store(running);
      case 'revoke':
        return this.#revoke(running);
      case 'release':
        void this.#parts.goals.slots.release(running.slots).catch(this.#parts.onFault);
        running.slots = [];
        return;
      case 'report':
        return this.#report(running, action.node, action.error);
      case 'end':
        this.#running.remove(running);
        return running.request.onEnd(factsOf(running), action.error);
    }
  }

  #ask(running: Running, step: Asked, node: string): void {
    if (!this.#handles(node, COMMAND_NAMES[step])) {
      if (step !== 'transferPlayer') return this.take(running, { kind: 'done', step });
      const error = notHandled(node, COMMAND_NAMES[step]);
      return this.take(running, { kind: 'refused', step, error });
    }
    const { endsMs, context } = running.request;
    running.asked = this.#parts.nodeCommands.ask({
      ...{ node, endsMs, bytes: step === 'prepareArrival' ? context.length : 0 },
      make: () => (running.state.step === step ? commandOf(running, step) : undefined),
      onSent: () => {
        this.take(running, { kind: 'issued' });
        running.request.onIssued(running, step);
      },
      onResult: (error) => this.take(running, this.#resultOf(running, step, error)),
    });
  }

  #resultOf({ request }: Running, step: Asked, error: KelpieError | undefined): TransferEvent {
    if (!error) return { kind: 'done', step };
    // The deadline of the command is that of the transfer.
    const isLate = this.#parts.clock.now() >= request.endsMs - EARLY_MS;
    if (isLate && LATE.has(error.reason)) return { kind: 'deadline', limitMs: request.timeoutMs };
    return { kind: 'refused', step, error };
  }

  #handles(node: string, command: string): boolean {
    return this.#parts.nodeRows.nodes.get(node)?.value.commands.includes(command) ?? false;
  }

  #store(running: Running): void {
    const { tickets, clock } = this.#parts;
    const { player, source, goal } = running.state;
    const { proxy = '', server = '' } = goal ?? {};
    const { context, endsMs } = running.request;
    const ticket = { server, context, transferId: running.id, fromServer: source };
    const ttlMs = Math.max(1, endsMs - clock.now());
    running.ticket = tickets.issue({ ...player, ticket, proxy, ttlMs });
    running.ticket.then(
      () => this.take(running, { kind: 'done', step: 'ticket' }),
      (error: unknown) => {
        this.take(running, { kind: 'refused', step: 'ticket', error: this.#public(error) });
      },
    );
  }

  #revoke({ ticket, state }: Running): void {
    ticket
      ?.then((sequence) => this.#parts.tickets.revoke(state.player.playerId, sequence))
      // The ticket ends with its time.
      .catch((error: unknown) => this.#public(error));
  }

  #report(running: Running, node: string, error: KelpieError | undefined): void {
    const { nodeCommands, clock } = this.#parts;
    if (!this.#handles(node, COMMAND_NAMES.transferEnded)) return;
    if (nodeCommands.waitingFor(node) >= REPORTS) return;
    const nothing = (): void => undefined;
    nodeCommands.ask({
      ...{ node, endsMs: clock.now() + REPORT_MS, bytes: 0, onSent: nothing, onResult: nothing },
      make: () => endedCommand(running, error && wireError(error)),
    });
  }
}
