/**
 * Gets a command to its nodes: on a stream of this coordinator, or through the coordinator that has the stream. That one
 * runs the command as one of its own and reports each result. Without its report the outcome is unknown. NOT_DELIVERED
 * needs a proof: the other coordinator reports it, or this one sent nothing.
 */
import type { Clock } from '../core/clock.js';
import { durationOf } from '../core/duration.js';
import { KelpieError } from '../core/errors.js';
import { sameBytes } from '../core/cursor.js';
import type { PromptTurns } from '../core/prompt-turns.js';
import type { Body, Exchange } from '../cluster/exchange.js';
import type { Network } from '../network/network.js';
import type { Holders } from '../nodes/holders.js';
import type { NodeRows } from '../nodes/rows.js';
import type { Carrier } from './carrier.js';
import { busy, notDelivered, unreachable } from './errors.js';
import type { NodeResult, Pending } from './pending.js';
import { encodeTimeLeft } from './request.js';
import { outcomeOf } from './result.js';

/** The other coordinator ends a command so much earlier, so that its last word comes in time. */
const EARLY_MS = 100;
/** How many coordinators one after the other may have lost the node before they get the command. */
const MOVES = 3;

export interface DispatchParts {
  readonly carrier: Carrier;
  readonly exchange: Pick<Exchange, 'ask'>;
  readonly holders: Pick<Holders, 'elsewhere'>;
  readonly network: Pick<Network, 'caughtUp'>;
  readonly owners: NodeRows['owners'];
  readonly endings: PromptTurns;
  readonly clock: Clock;
  /** Ends the command for one node. */
  readonly settle: (pending: Pending, node: string, outcome: NodeResult['outcome']) => void;
}

export class Dispatch {
  readonly #parts: DispatchParts;

  constructor(parts: DispatchParts) {
    this.#parts = parts;
  }

  /** Hands the command to these nodes. Each of them gets it at most once. */
  send(pending: Pending, names: readonly string[]): void {
    const elsewhere = new Map<string, string[]>();
    for (const name of names) {
      const holder = pending.sent.relayed ? undefined : this.#parts.holders.elsewhere(name);
      if (holder === undefined) this.#hand(pending, name);
      else elsewhere.set(holder, [...(elsewhere.get(holder) ?? []), name]);
    }
    for (const [holder, nodes] of elsewhere) this.#relay(pending, holder, nodes);
  }

  #hand(pending: Pending, name: string): void {
    const { carrier, clock, settle } = this.#parts;
    const target = pending.targets.get(name);
    // The command has ended already, with as many answers as its issuer wants.
    if (!target) return;
    const { encoded, endsMs } = pending.sent;
    const met = carrier.hand(name, {
      bytes: encoded.length,
      take: () => {
        // After a stall the frame may be pulled before the timer ends the command.
        if (pending.targets.get(name) !== target || clock.now() >= endsMs) return undefined;
        target.handed = 'here';
        return [encoded, encodeTimeLeft(endsMs - clock.now())];
      },
      drop: () => settle(pending, name, notDelivered(name)),
    });
    if (met === 'absent') settle(pending, name, notDelivered(name));
    if (met === 'full') settle(pending, name, busy(name));
  }

  #relay(pending: Pending, holder: string, names: readonly string[]): void {
    const { exchange, clock, endings } = this.#parts;
    const waiting = new Set(names.filter((name) => pending.targets.has(name)));
    if (waiting.size === 0) return;
    const leftMs = pending.sent.endsMs - clock.now();
    // Its timer is about to end it: no node has it.
    if (leftMs <= 0) return;
    const withdraw = exchange.ask(holder, relayOf(pending, waiting, leftMs), {
      timeoutMs: leftMs,
      onAnswer: (answer) => {
        const settle = this.#answered(pending, holder, waiting, answer);
        const isLast = waiting.size === 0;
        // A question with all its answers is not withdrawn.
        if (isLast) pending.withdrawals.delete(withdraw);
        settle();
        return isLast;
      },
      onLost: () => endings.add(this.#lost(pending, waiting)),
    });
    pending.withdrawals.add(withdraw);
  }

  *#lost(pending: Pending, waiting: ReadonlySet<string>): Generator<undefined> {
    for (const name of waiting) {
      this.#parts.settle(pending, name, unreachable(name));
      yield;
    }
  }

  /** Returns what the answer does, and takes the nodes that it is about off the list of those that wait. */
  #answered(pending: Pending, holder: string, waiting: Set<string>, answer: Body): () => void {
    if (answer.$case === 'commandResult') {
      const { node } = answer.value;
      if (!waiting.delete(node)) return () => undefined;
      return () => this.#settle(pending, holder, node, outcomeOf(answer.value));
    }
    // A coordinator of an older version, which relays no commands.
    const names = [...waiting];
    waiting.clear();
    return () => {
      for (const name of names) this.#parts.settle(pending, name, notDelivered(name));
    };
  }

  #settle(pending: Pending, holder: string, name: string, outcome: NodeResult['outcome']): void {
    const target = pending.targets.get(name);
    const isAbsent = outcome instanceof KelpieError && outcome.reason === 'NOT_DELIVERED';
    if (!target || !isAbsent || ++target.moves > MOVES) {
      return this.#parts.settle(pending, name, outcome);
    }
    target.handed = 'no';
    // The node may have moved on to another coordinator: this one looks again when it has seen that.
    const again = (): void => {
      if (this.#hasMoved(pending, name, holder)) this.send(pending, [name]);
      else this.#parts.settle(pending, name, outcome);
    };
    this.#parts.network.caughtUp().then(again, () => this.#parts.settle(pending, name, outcome));
  }

  /** Whether the process that the command is for has its stream somewhere else now. */
  #hasMoved(pending: Pending, name: string, holder: string): boolean {
    const target = pending.targets.get(name);
    const owner = this.#parts.owners.get(name)?.value;
    if (!target || !owner || owner.coordinatorId === holder) return false;
    return sameBytes(owner.instanceId, target.instance);
  }
}

/** The message that asks another coordinator to run a command. From now on the nodes may have it. */
function relayOf(pending: Pending, names: Iterable<string>, leftMs: number): Body {
  const { request, source } = pending.sent;
  const timeout = durationOf(Math.max(1, leftMs - Math.min(EARLY_MS, leftMs / 10)));
  const targets = Array.from(names, (node) => {
    const target = pending.targets.get(node);
    if (target) target.handed = 'elsewhere';
    return { node, instanceId: target?.instance ?? new Uint8Array() };
  });
  const value = {
    request: { ...request, target: undefined, maxReplies: 0, timeout },
    source,
    targets,
  };
  return { $case: 'relayCommand', value };
}
