/** The pending commands, by id and by node, and their limits. */
import type { CommandOutput } from '../../gen/ts/kelpie/v1/command.js';
import type { IssueCommandRequest } from '../../gen/ts/kelpie/v1/command_service.js';
import type { BodyOf } from '../cluster/exchange.js';
import type { Cancel } from '../core/clock.js';
import type { KelpieError } from '../core/errors.js';
import { limitError } from './errors.js';
import type { Expected } from './forms.js';
import type { Limits } from '../network/limits.js';

/** The share of a command in the limits. */
export interface CommandWeight {
  /** How many nodes the command is for. */
  readonly asks: number;
  readonly bytes: number;
}

/** The answer of one node, or the error instead of an answer. */
export interface NodeResult {
  readonly node: string;
  readonly outcome: CommandOutput | KelpieError;
  /** Whether this is the last result of the command. */
  readonly last: boolean;
}

/** A process of a node, to which another coordinator sends a command. */
export type RelayTarget = BodyOf<'relayCommand'>['targets'][number];

/** A node of a pending command. */
export interface Target {
  readonly instance: Uint8Array;
  /** Whether the node may have the command: on a stream of this coordinator, or of another one. */
  handed: 'no' | 'here' | 'elsewhere';
  /** How often the node was at another coordinator than the one that was asked. */
  moves: number;
}

/** The process that has the node now. */
export function targetOf(owner: { readonly instanceId: Uint8Array } | undefined): Target {
  return { instance: owner?.instanceId ?? new Uint8Array(), handed: 'no', moves: 0 };
}

/** The parts of a command that its nodes get. */
interface Sent {
  readonly request: IssueCommandRequest;
  readonly source: string;
  /** The request for a node, without `time_left`. */
  readonly encoded: Uint8Array;
  /** The end of the command, by the clock. */
  readonly endsMs: number;
  /** Whether another coordinator issued it: then its nodes are at this one. */
  readonly relayed: boolean;
}

export interface Pending {
  readonly id: number;
  readonly expected: Expected;
  readonly sent: Sent;
  /** The nodes for which the command has not ended. */
  readonly targets: Map<string, Target>;
  readonly onResult: (result: NodeResult) => void;
  /** The command ends after so many more answers, or when it has no targets any more. */
  answersLeft: number;
  /** Withdraw the command from other coordinators. */
  readonly withdrawals: Set<Cancel>;
  stop: Cancel;
}

export class PendingCommands {
  readonly #limits: Pick<Limits, 'commands' | 'commandBytes'>;
  readonly #byId = new Map<number, Pending>();
  readonly #byNode = new Map<string, Set<Pending>>();
  #asks = 0;
  #bytes = 0;

  constructor(limits: Pick<Limits, 'commands' | 'commandBytes'>) {
    this.#limits = limits;
  }

  /** Checks that a command fits into the limits. Throws COMMAND_LIMIT. */
  admit({ asks, bytes }: CommandWeight): void {
    const { commands, commandBytes } = this.#limits;
    if (this.#asks + asks > commands) {
      throw limitError(`commands wait for ${commands} answers, the limit; try again`, commands);
    }
    if (this.#bytes + bytes > commandBytes) {
      throw limitError(
        `the pending commands have ${commandBytes} bytes, the limit; try again`,
        commandBytes,
      );
    }
  }

  add(pending: Pending): void {
    this.#byId.set(pending.id, pending);
    this.#asks += pending.targets.size;
    this.#bytes += pending.sent.encoded.length;
    for (const name of pending.targets.keys()) {
      const ofNode = this.#byNode.get(name);
      if (ofNode) ofNode.add(pending);
      else this.#byNode.set(name, new Set([pending]));
    }
  }

  get(id: number): Pending | undefined {
    return this.#byId.get(id);
  }

  /** The commands that are pending. */
  get all(): Iterable<Pending> {
    return this.#byId.values();
  }

  /** The commands that wait for a node. */
  ofNode(name: string): ReadonlySet<Pending> | undefined {
    return this.#byNode.get(name);
  }

  /** The command stops waiting for the node. False: it did not wait for this node. */
  drop(pending: Pending, node: string): boolean {
    if (!pending.targets.delete(node)) return false;
    this.#asks -= 1;
    const ofNode = this.#byNode.get(node);
    ofNode?.delete(pending);
    if (ofNode?.size === 0) this.#byNode.delete(node);
    return true;
  }

  /** Removes an ended command. The caller then drops its remaining nodes one by one. */
  end(pending: Pending): void {
    if (this.#byId.delete(pending.id)) this.#bytes -= pending.sent.encoded.length;
  }

  /** How many commands are pending. */
  get size(): number {
    return this.#byId.size;
  }

  /** How many answers they wait for: one for each command and node. */
  get asks(): number {
    return this.#asks;
  }

  /** The bytes of the commands. */
  get bytes(): number {
    return this.#bytes;
  }
}
