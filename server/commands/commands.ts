/**
 * Pending commands. Each command ends once for each of its nodes: with the node's answer, with proof that the
 * coordinator did not send it, or at its timeout. Commands are never in the journal. The coordinator writes a
 * command to a node at most once.
 */
import type { Command, CommandOutput, CommandReply } from '../../gen/ts/kelpie/v1/command.js';
import type { IssueCommandRequest } from '../../gen/ts/kelpie/v1/command_service.js';
import type { Cancel, Clock } from '../core/clock.js';
import { sameBytes } from '../core/cursor.js';
import { durationOf } from '../core/duration.js';
import { KelpieError } from '../core/errors.js';
import { PromptTurns } from '../core/prompt-turns.js';
import type { Exchange } from '../cluster/exchange.js';
import type { CommandIds } from './command-ids.js';
import { Dispatch } from './dispatch.js';
import { cancelled, failureOf, notDelivered, notWaiting } from './errors.js';
import { type CheckedCommand, checkCommand, checkOutput, type Expected } from './forms.js';
import { encodeRequest } from './request.js';
import type { Refusal, Targeted, Targets } from './targets.js';
import {
  type CommandWeight,
  type NodeResult,
  type Pending,
  PendingCommands,
  type RelayTarget,
  type Target,
  targetOf,
} from './pending.js';
import { ownersWritten } from '../nodes/departures.js';
import type { Carrier } from './carrier.js';
import type { Holders } from '../nodes/holders.js';
import type { NodeRows } from '../nodes/rows.js';
import type { Limits } from '../network/limits.js';
import type { Network } from '../network/network.js';
import { cutText } from '../core/text.js';

export type { NodeResult } from './pending.js';

/** The limits and rights of an issuer. */
interface IssuerLimits {
  /** Applies the limits of the issuer: may throw. */
  readonly admit?: (weight: CommandWeight) => void;
  /** Not set: the issuer may ask every node. */
  readonly refusal?: Refusal;
}

/** The parts that commands need. */
export interface CommandParts {
  readonly network: Pick<Network, 'onEntries' | 'caughtUp'>;
  readonly commandIds: CommandIds;
  readonly holders: Pick<Holders, 'elsewhere'>;
  readonly exchange: Pick<Exchange, 'ask'>;
  readonly nodes: NodeRows;
  readonly targets: Targets;
  readonly carrier: Carrier;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly onFault: (error: unknown) => void;
}

/** A command that is about to be sent. */
interface Issue {
  readonly request: IssueCommandRequest;
  readonly checked: CheckedCommand;
  readonly source: string;
  readonly relayed: boolean;
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
  readonly #ids: CommandIds;
  readonly #dispatch: Dispatch;

  constructor(parts: CommandParts) {
    const { network, nodes, targets, carrier, limits, clock, onFault } = parts;
    this.#owners = nodes.owners;
    this.#ids = parts.commandIds;
    this.#limits = limits;
    this.#clock = clock;
    this.#carrier = carrier;
    this.#targets = targets;
    this.#pending = new PendingCommands(limits);
    this.#endings = new PromptTurns(clock, onFault);
    this.#dispatch = new Dispatch({
      ...{ ...parts, owners: nodes.owners, endings: this.#endings },
      settle: (...end) => this.#settle(...end),
    });
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
    const targeted = this.#targets.of(request.target, checked.name, refusal);
    return this.#open({ request, checked, source, relayed: false }, targeted, onResult, admit);
  }

  /** Runs a command that another coordinator issued, for processes whose streams this one has. Like `issue`. */
  serve(
    request: IssueCommandRequest,
    source: string,
    targets: readonly RelayTarget[],
    onResult: (result: NodeResult) => void,
  ): Cancel {
    this.#pending.admit({ asks: targets.length, bytes: 0 });
    const checked = checkCommand(request, this.#limits);
    const names: string[] = [];
    const refused = new Map<string, KelpieError>();
    for (const { node, instanceId } of targets) {
      if (this.#owns(node, instanceId)) names.push(node);
      else refused.set(node, notDelivered(node));
    }
    return this.#open({ request, checked, source, relayed: true }, { names, refused }, onResult);
  }

  #open(
    { request, checked, source, relayed }: Issue,
    { names, refused }: Targeted,
    onResult: (result: NodeResult) => void,
    admit: (weight: CommandWeight) => void = () => undefined,
  ): Cancel {
    const id = this.#ids.next();
    const { expected, timeoutMs, attributes } = checked;
    const encoded = encodeRequest(id, source, attributes, checked.encoded);
    const weight = { asks: names.length + refused.size, bytes: encoded.length };
    this.#pending.admit(weight);
    admit(weight);
    const named = [...refused.keys(), ...names];
    const targets = new Map(named.map((name) => [name, targetOf(this.#owners.get(name)?.value)]));
    const answersLeft = request.maxReplies === 0 ? Infinity : request.maxReplies;
    const sent = { request, source, encoded, endsMs: this.#clock.now() + timeoutMs, relayed };
    const stop = this.#clock.after(timeoutMs, () => this.#expire(pending));
    const ends = { answersLeft, withdrawals: new Set<Cancel>(), stop };
    const pending: Pending = { id, expected, sent, targets, onResult, ...ends };
    this.#pending.add(pending);
    if (refused.size > 0) this.#endings.add(this.#refused(pending, refused));
    this.#dispatch.send(pending, names);
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

  /**
   * Accepts a node's reply. Throws COMMAND_NOT_FOUND. Throws COMMAND_INVALID, PAYLOAD_TOO_LARGE or
   * CONTENT_TOO_DEEP; such a reply also ends the command for this node.
   */
  reply(node: string, instance: Uint8Array, { commandId, outcome }: CommandReply): void {
    const pending = this.#pending.get(commandId);
    const target = pending?.targets.get(node);
    if (!pending || target?.handed !== 'here' || !sameBytes(target.instance, instance)) {
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
    for (const withdraw of pending.withdrawals) withdraw();
    this.#pending.end(pending);
    if (pending.targets.size > 0) this.#endings.add(this.#withdrawn(pending));
  }

  *#withdrawn(pending: Pending): Generator<undefined> {
    for (const [name, { handed }] of pending.targets) {
      this.#pending.drop(pending, name);
      if (handed === 'here') this.#carrier.withdraw(name, pending.id);
      yield;
    }
  }

  #expire(pending: Pending): void {
    this.#end(pending, failureOf);
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
      if (target.handed === 'here') this.#carrier.withdraw(name, pending.id);
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
      const target = pending.targets.get(name);
      if (target && !this.#owns(name, target.instance)) {
        this.#settle(pending, name, failureOf(name, target));
      }
      yield;
    }
  }

  #owns(name: string, instance: Uint8Array): boolean {
    const owner = this.#owners.get(name)?.value;
    return owner !== undefined && sameBytes(owner.instanceId, instance);
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
