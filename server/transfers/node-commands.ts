/**
 * Sends the commands of transfers to nodes. A node has a bounded number of them without a reply; more wait here, so
 * that moving ten thousand players from one proxy leaves room for its other commands.
 */
import type { Command } from '../../gen/ts/kelpie/v1/command.js';
import { durationOf } from '../core/duration.js';
import { KelpieError } from '../core/errors.js';
import type { Cancel, Clock } from '../core/clock.js';
import { PromptTurns } from '../core/prompt-turns.js';
import type { Commands } from '../commands/commands.js';

/** Commands of transfers that one node has without a reply. */
const COMMANDS = 500;
/** Bytes of them. */
const BYTES = 1024 * 1024;
/** Approximate size of a command beside its context. */
const COMMAND_BYTES = 512;

/** A command that waits for its node. */
export interface Asking {
  readonly node: string;
  readonly bytes: number;
  /** The end of the command, by the clock. */
  readonly endsMs: number;
  /** The command, made when it is sent; undefined: nobody wants it any more. */
  readonly make: () => Command | undefined;
  readonly onSent: () => void;
  /** Called once after `onSent`, or instead of it, unless the command is withdrawn. Undefined: the node did it. */
  readonly onResult: (error: KelpieError | undefined) => void;
}

/** A command that was asked for. */
export interface AskedCommand {
  /**
   * Does not wait for the reply any more, and leaves the command with the node. Of the commands that were left so,
   * the node has at most COMMANDS without a reply: a newer one withdraws the oldest.
   */
  readonly leave: Cancel;
  /** Withdraws the command. */
  readonly withdraw: Cancel;
}

interface Lane {
  sent: number;
  bytes: number;
  readonly waiting: Set<Open>;
  /** Commands without a reply for which nobody waits, the oldest first. */
  readonly left: Set<Open>;
  /** A work sends commands while there is room. */
  sending: boolean;
}

interface Open {
  readonly asking: Asking;
  state: 'waiting' | 'sent' | 'over';
  withdraw: Cancel;
}

export class NodeCommands {
  readonly #commands: Pick<Commands, 'issue'>;
  readonly #clock: Clock;
  readonly #turns: PromptTurns;
  readonly #lanes = new Map<string, Lane>();

  constructor(commands: Pick<Commands, 'issue'>, clock: Clock, onFault: (error: unknown) => void) {
    this.#commands = commands;
    this.#clock = clock;
    this.#turns = new PromptTurns(clock, onFault);
  }

  ask(asking: Asking): AskedCommand {
    const open: Open = { asking, state: 'waiting', withdraw: () => undefined };
    const lane = this.#laneOf(asking.node);
    lane.waiting.add(open);
    this.#send(asking.node, lane);
    return {
      leave: () => this.#leave(open),
      withdraw: () => {
        this.#over(open);
        open.withdraw();
      },
    };
  }

  #laneOf(node: string): Lane {
    const known = this.#lanes.get(node);
    if (known) return known;
    const lane = {
      sent: 0,
      bytes: 0,
      waiting: new Set<Open>(),
      left: new Set<Open>(),
      sending: false,
    };
    this.#lanes.set(node, lane);
    return lane;
  }

  #send(node: string, lane: Lane): void {
    if (lane.sending) return;
    lane.sending = true;
    this.#turns.add(this.#sends(node, lane));
  }

  /** Sends commands while the node has room. */
  *#sends(node: string, lane: Lane): Generator<undefined> {
    try {
      for (const open of lane.waiting) {
        if (lane.sent >= COMMANDS || lane.bytes >= BYTES) break;
        lane.waiting.delete(open);
        this.#sendOne(open, lane);
        yield;
      }
    } finally {
      lane.sending = false;
      const { sent, waiting, left } = lane;
      if (sent === 0 && waiting.size === 0 && left.size === 0) this.#lanes.delete(node);
    }
  }

  #sendOne(open: Open, lane: Lane): void {
    const { asking } = open;
    const leftMs = asking.endsMs - this.#clock.now();
    const command = leftMs > 0 ? asking.make() : undefined;
    if (!command) {
      open.state = 'over';
      return;
    }
    open.state = 'sent';
    lane.sent += 1;
    lane.bytes += COMMAND_BYTES + asking.bytes;
    asking.onSent();
    try {
      this.#issue(open, command, leftMs);
    } catch (error) {
      if (!(error instanceof KelpieError)) throw error;
      this.#result(open, error);
    }
  }

  #issue(open: Open, command: Command, leftMs: number): void {
    const target = { place: { $case: 'node', value: open.asking.node } } as const;
    const timeout = durationOf(leftMs);
    const request = { target, command, timeout, maxReplies: 0, attributes: {} };
    open.withdraw = this.#commands.issue(request, '', ({ outcome }) => {
      this.#result(open, outcome instanceof KelpieError ? outcome : undefined);
    });
  }

  #result(open: Open, error: KelpieError | undefined): void {
    if (open.state === 'sent' && this.#over(open)) return open.asking.onResult(error);
    const { node } = open.asking;
    const lane = this.#lanes.get(node);
    if (lane?.left.delete(open)) this.#send(node, lane);
  }

  /** Else a node that never replies would fill the commands of the coordinator. */
  #leave(open: Open): void {
    const wasSent = open.state === 'sent';
    if (!this.#over(open) || !wasSent) return;
    const { left } = this.#laneOf(open.asking.node);
    left.add(open);
    const [oldest] = left;
    if (left.size <= COMMANDS || !oldest) return;
    left.delete(oldest);
    oldest.withdraw();
  }

  /** Gives the room of the command back. False: it is over already. */
  #over(open: Open): boolean {
    const { state, asking } = open;
    if (state === 'over') return false;
    open.state = 'over';
    const lane = this.#laneOf(asking.node);
    lane.waiting.delete(open);
    if (state === 'sent') {
      lane.sent -= 1;
      lane.bytes -= COMMAND_BYTES + asking.bytes;
    }
    this.#send(asking.node, lane);
    return true;
  }

  /** How many commands wait for a node. */
  waitingFor(node: string): number {
    return this.#lanes.get(node)?.waiting.size ?? 0;
  }

  /** How many commands wait, or have no reply. */
  get pending(): number {
    let pending = 0;
    for (const { sent, waiting } of this.#lanes.values()) pending += sent + waiting.size;
    return pending;
  }
}
