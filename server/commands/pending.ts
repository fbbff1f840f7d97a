/** The commands that are under way: found by their number and by node, and weighed. */
import type { CommandOutput } from '../../gen/ts/kelpie/v1/command.js';
import type { Cancel } from '../core/clock.js';
import type { KelpieError } from '../core/errors.js';
import { limitError } from './errors.js';
import type { Expected } from './forms.js';
import type { Limits } from '../network/limits.js';

/** What a command is to whoever bounds commands. */
export interface CommandWeight {
  /** Nodes that it asks. */
  readonly asks: number;
  readonly bytes: number;
}

/** What one of the nodes said, or why it did not. */
export interface NodeResult {
  readonly node: string;
  readonly outcome: CommandOutput | KelpieError;
  /** Nothing follows. */
  readonly last: boolean;
}

/** A node that was asked. */
export interface Target {
  readonly instance: Uint8Array;
  handed: boolean;
}

export interface Pending {
  readonly id: number;
  readonly expected: Expected;
  readonly bytes: number;
  /** The nodes for which it has not ended. */
  readonly targets: Map<string, Target>;
  readonly onResult: (result: NodeResult) => void;
  /** Ends when so many have answered. */
  answersLeft: number;
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

  /** Throws COMMAND_LIMIT unless so much more fits. */
  admit({ asks, bytes }: CommandWeight): void {
    const { commands, commandBytes } = this.#limits;
    if (this.#asks + asks > commands) {
      throw limitError(`${commands} nodes are asked to do commands; no more fit`, commands);
    }
    if (this.#bytes + bytes > commandBytes) {
      throw limitError(
        `commands of ${commandBytes} bytes are under way; no more fit`,
        commandBytes,
      );
    }
  }

  add(pending: Pending): void {
    this.#byId.set(pending.id, pending);
    this.#asks += pending.targets.size;
    this.#bytes += pending.bytes;
    for (const name of pending.targets.keys()) {
      const ofNode = this.#byNode.get(name);
      if (ofNode) ofNode.add(pending);
      else this.#byNode.set(name, new Set([pending]));
    }
  }

  get(id: number): Pending | undefined {
    return this.#byId.get(id);
  }

  /** Those that wait for a node. */
  ofNode(name: string): ReadonlySet<Pending> | undefined {
    return this.#byNode.get(name);
  }

  /** The node is not waited for any more. False: it was not. */
  drop(pending: Pending, node: string): boolean {
    if (!pending.targets.delete(node)) return false;
    this.#asks -= 1;
    const ofNode = this.#byNode.get(node);
    ofNode?.delete(pending);
    if (ofNode?.size === 0) this.#byNode.delete(node);
    return true;
  }

  /** It has ended; nodes that are left in it are dropped one by one. */
  end(pending: Pending): void {
    if (this.#byId.delete(pending.id)) this.#bytes -= pending.bytes;
  }

  /** How many there are. */
  get size(): number {
    return this.#byId.size;
  }

  /** Nodes that they wait for, one for each command. */
  get asks(): number {
    return this.#asks;
  }
}
