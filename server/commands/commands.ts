/**
 * Pending commands. Each command ends once for each of its nodes: with the node's answer, with proof that the
 * coordinator did not send it, or at its timeout. Commands are never in the journal. The coordinator writes a
 * command to a node at most once.
 */
import { randomInt } from 'node:crypto';
import type { Command, CommandOutput, CommandReply } from '../../gen/ts/kelpie/v1/command.js';
import type { IssueCommandRequest } from '../../gen/ts/kelpie/v1/command_service.js';
import type { Cancel, Clock } from '../core/clock.js';
import { sameBytes } from '../core/cursor.js';
import { durationOf } from '../core/duration.js';
import { KelpieError } from '../core/errors.js';
import { PromptTurns } from '../core/prompt-turns.js';
import { busy, cancelled, notDelivered, notWaiting, unanswered } from './errors.js';
import { checkCommand, checkOutput, type Expected } from './forms.js';
import { encodeRequest, encodeTimeLeft } from './request.js';
import type { Refusal, Targets } from './targets.js';
import {
  type CommandWeight,
  type NodeResult,
  type Pending,
  PendingCommands,
  type Target,
} from './pending.js';
import { ownersWritten } from '../nodes/departures.js';
import type { NodeRows } from '../nodes/rows.js';
import type { Limits } from '../network/limits.js';
import type { Network } from '../network/network.js';
import { cutText } from '../core/text.js';

export type { NodeResult } from './pending.js';

/** A request for a node, until it is sent. */
export interface Handover {
  /** Approximate size of the request. */
  readonly bytes: number;
  /** Called when the stream has room: the request in parts, or undefined if the command has ended. */
  take(): readonly Uint8Array[] | undefined;
  /** Called instead of `take` if the stream ends before the request is sent. */
  drop(): void;
}

/** Sends commands to nodes. The layer of sessions implements it. */
export interface Carrier {
  /** Queues a request for the node. With another result than `queued`, the node certainly does not get it. */
  hand(node: string, handover: Handover): 'queued' | 'absent' | 'full';
  /** Sends the node that nobody waits for its answer any more. */
  withdraw(node: string, commandId: number): void;
}

/** The limits and rights of an issuer. */
export interface IssuerLimits {
  /** Applies the limits of the issuer: may throw. */
  readonly admit?: (weight: CommandWeight) => void;
  /** Not set: the issuer may ask every node. */
  readonly refusal?: Refusal;
}

/** The parts that commands need. */
export interface CommandParts {
  readonly network: Pick<Network, 'onEntries'>;
  readonly nodes: NodeRows;
  readonly targets: Targets;
  readonly carrier: Carrier;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly onFault: (error: unknown) => void;
}

export class Commands {
  readonly #owners: NodeRows['owners'];
  readonly #limits: Limits;
  readonly #clock: Clock;
  readonly #carrier: Carrier;
  readonly #targets: Targets;
  readonly #pending: PendingCommands;
  /** Spreads endings over turns: a command may have a thousand nodes, and a node thousands of commands. */
  readonly #endings: PromptTurns;
  /** The first id is random, so that an answer to a former coordinator does not match a command of this one. */
  #lastId = randomInt(2 ** 47);

  constructor({ network, nodes, targets, carrier, limits, clock, onFault }: CommandParts) {
    this.#owners = nodes.owners;
    this.#limits = limits;
    this.#clock = clock;
    this.#carrier = carrier;
    this.#targets = targets;
    this.#pending = new PendingCommands(limits);
    this.#endings = new PromptTurns(clock, onFault);
    network.onEntries((entries) => this.#dropReplaced(ownersWritten(nodes, entries)));
  }

  /**
   * Issues a command and calls `onResult` for each node: at least once, and with `last` the last time. Returns a
   * function that withdraws the command from all its nodes. Throws the errors that IssueCommand names, and those
   * of the issuer's limits. After an error no node gets the command.
   */
  issue(
    request: IssueCommandRequest,
    source: string,
    onResult: (result: NodeResult) => void,
    { admit = () => undefined, refusal = () => undefined }: IssuerLimits = {},
  ): Cancel {
    // First of all: a full coordinator spends no work on a command.
    this.#pending.admit({ asks: 1, bytes: 0 });
    const checked = checkCommand(request, this.#limits);
    const { names, refused } = this.#targets.of(request.target, checked.name, refusal);
    const id = ++this.#lastId;
    const { expected, timeoutMs, attributes } = checked;
    const encoded = encodeRequest(id, source, attributes, checked.encoded);
    const weight = { asks: names.length + refused.size, bytes: encoded.length };
    this.#pending.admit(weight);
    admit(weight);
    const named = [...refused.keys(), ...names];
    const targets = new Map(named.map((name) => [name, this.#target(name)]));
    const answersLeft = request.maxReplies === 0 ? Infinity : request.maxReplies;
    const { bytes } = weight;
    const stop = this.#clock.after(timeoutMs, () => this.#expire(pending));
    const pending: Pending = { id, expected, bytes, targets, onResult, answersLeft, stop };
    this.#pending.add(pending);
    if (refused.size > 0) this.#endings.add(this.#refused(pending, refused));
    const endsMs = this.#clock.now() + timeoutMs;
    for (const name of names) {
      this.#hand(pending, name, () => [encoded, encodeTimeLeft(endsMs - this.#clock.now())]);
    }
    return () => this.#end(pending, () => cancelled());
  }

  /** Sends a command of the coordinator itself to one node. Rejects if the node did not get the command. */
  ask(node: string, command: Command, timeoutMs: number): Promise<NodeResult> {
    const request = {
      target: { place: { $case: 'node', value: node } } as const,
      command,
      timeout: durationOf(timeoutMs),
      maxReplies: 0,
      attributes: {},
    };
    return new Promise((resolve) => {
      this.issue(request, '', resolve);
    });
  }

  /** Ends the command for the named nodes that cannot get it. */
  *#refused(pending: Pending, refused: ReadonlyMap<string, KelpieError>): Generator<undefined> {
    for (const [name, error] of refused) {
      this.#settle(pending, name, error);
      yield;
    }
  }

  #target(name: string): Target {
    const owner = this.#owners.get(name)?.value;
    return { instance: owner?.instanceId ?? new Uint8Array(), handed: false };
  }

  #hand(pending: Pending, name: string, partsNow: () => readonly Uint8Array[]): void {
    const target = pending.targets.get(name);
    // The command has ended already, with as many answers as its issuer wants.
    if (!target) return;
    const met = this.#carrier.hand(name, {
      bytes: pending.bytes,
      take: () => {
        if (!this.#isPending(pending) || !pending.targets.has(name)) return undefined;
        target.handed = true;
        return partsNow();
      },
      drop: () => this.#settle(pending, name, notDelivered(name)),
    });
    if (met === 'absent') this.#settle(pending, name, notDelivered(name));
    if (met === 'full') this.#settle(pending, name, busy(name));
  }

  /**
   * Accepts a node's reply. Throws COMMAND_NOT_FOUND. Throws COMMAND_INVALID, PAYLOAD_TOO_LARGE or
   * CONTENT_TOO_DEEP; such a reply also ends the command for this node.
   */
  reply(node: string, instance: Uint8Array, { commandId, outcome }: CommandReply): void {
    const pending = this.#pending.get(commandId);
    const target = pending?.targets.get(node);
    if (!pending || !target?.handed || !sameBytes(target.instance, instance)) {
      throw notWaiting(commandId);
    }
    try {
      this.#settle(pending, node, this.#outcomeOf(pending.expected, node, outcome));
    } catch (error) {
      if (error instanceof KelpieError) this.#settle(pending, node, error);
      throw error;
    }
  }

  #outcomeOf(expected: Expected, node: string, outcome: CommandReply['outcome']) {
    if (outcome?.$case === 'failure') {
      const message = cutText(outcome.value.message, 4096) || `"${node}" failed without a message`;
      return new KelpieError('COMMAND_FAILED', message, { name: node });
    }
    const output = outcome?.value ?? { form: undefined };
    checkOutput(expected, output, this.#limits);
    return output;
  }

  #isPending({ id }: Pending): boolean {
    return this.#pending.get(id) !== undefined;
  }

  #settle(pending: Pending, node: string, outcome: CommandOutput | KelpieError): void {
    if (!this.#pending.drop(pending, node) || !this.#isPending(pending)) return;
    if (!(outcome instanceof KelpieError)) pending.answersLeft -= 1;
    const last = pending.targets.size === 0 || pending.answersLeft === 0;
    if (last) this.#forget(pending);
    pending.onResult({ node, outcome, last });
  }

  /** Ends the command. Nodes that have not answered get a withdrawal. */
  #forget(pending: Pending): void {
    pending.stop();
    this.#pending.end(pending);
    if (pending.targets.size > 0) this.#endings.add(this.#withdrawn(pending));
  }

  *#withdrawn(pending: Pending): Generator<undefined> {
    for (const [name, { handed }] of pending.targets) {
      this.#pending.drop(pending, name);
      if (handed) this.#carrier.withdraw(name, pending.id);
      yield;
    }
  }

  #expire(pending: Pending): void {
    this.#end(pending, (name, { handed }) => (handed ? unanswered(name) : notDelivered(name)));
  }

  /** Ends all commands as at their deadlines. */
  close(): void {
    for (const pending of this.#pending.all) this.#expire(pending);
  }

  #end(pending: Pending, why: (name: string, target: Target) => KelpieError): void {
    if (this.#isPending(pending)) this.#endings.add(this.#ended(pending, why));
  }

  *#ended(
    pending: Pending,
    why: (name: string, target: Target) => KelpieError,
  ): Generator<undefined> {
    for (const [name, target] of pending.targets) {
      if (target.handed) this.#carrier.withdraw(name, pending.id);
      this.#settle(pending, name, why(name, target));
      yield;
    }
  }

  #dropReplaced(written: Iterable<string>): void {
    if (this.#pending.size === 0) return;
    for (const name of written) {
      const ofNode = this.#pending.ofNode(name);
      if (ofNode) this.#endings.add(this.#unlessOwned(name, ofNode));
    }
  }

  /** Ends commands for a process that has lost its node: it cannot answer any more. */
  *#unlessOwned(name: string, ofNode: ReadonlySet<Pending>): Generator<undefined> {
    for (const pending of ofNode) {
      const owner = this.#owners.get(name)?.value;
      const target = pending.targets.get(name);
      if (target && !(owner && sameBytes(owner.instanceId, target.instance))) {
        this.#settle(pending, name, target.handed ? unanswered(name) : notDelivered(name));
      }
      yield;
    }
  }

  /** How many commands wait for answers. */
  get pending(): number {
    return this.#pending.size;
  }

  /** How many answers commands wait for. */
  get asks(): number {
    return this.#pending.asks;
  }

  /** The bytes of the commands. */
  get bytes(): number {
    return this.#pending.bytes;
  }
}
