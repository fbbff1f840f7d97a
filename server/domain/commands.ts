/**
 * Commands under way: each ends once for each node that was asked, by its answer, by proof that it was
 * not handed over, or when its time is up. Never in the journal, and written to a node at most once.
 */
import { randomInt } from 'node:crypto';
import type {
  Command,
  CommandAnswer,
  CommandReply,
  CommandRequest,
} from '../../gen/ts/kelpie/v1/command.js';
import type { IssueCommandRequest } from '../../gen/ts/kelpie/v1/command_service.js';
import type { Cancel } from '../core/clock.js';
import { sameBytes } from '../core/cursor.js';
import { durationOf } from '../core/duration.js';
import { KelpieError } from '../core/errors.js';
import type { Entry } from '../journal/journal.js';
import {
  busy,
  cancelled,
  limitError,
  notDelivered,
  notWaiting,
  unanswered,
} from './command-errors.js';
import { checkAnswer, checkCommand } from './command-facts.js';
import { Targets } from './command-targets.js';
import { ownersWritten } from './departures.js';
import type { Network } from './network.js';
import { cutText } from '../core/text.js';

/** A request for a node, until it is on its way. */
export interface Handover {
  /** About how many it is. */
  readonly bytes: number;
  /** The request, when it can go out; undefined if it is not wanted any more. */
  take(): CommandRequest | undefined;
  /** It will not go out: the stream is gone. */
  drop(): void;
}

/** Carries commands to nodes: their sessions, which are above this layer. */
export interface Carrier {
  /** Queues a request for the node. Not `queued`: it will certainly not get it. */
  hand(node: string, handover: Handover): 'queued' | 'absent' | 'full';
  /** Tells the node that the command is not wanted any more. */
  withdraw(node: string, commandId: number): void;
}

/** What one of the nodes said, or why it did not. */
export interface NodeResult {
  readonly node: string;
  readonly outcome: CommandAnswer | KelpieError;
  /** Nothing follows. */
  readonly last: boolean;
}

interface Target {
  readonly instance: Uint8Array;
  handed: boolean;
}

interface Pending {
  readonly id: number;
  readonly command: Command;
  readonly targets: Map<string, Target>;
  readonly onResult: (result: NodeResult) => void;
  /** Ends when so many have answered. */
  answersLeft: number;
  stop: Cancel;
}

export class Commands {
  readonly #network: Network;
  readonly #carrier: Carrier;
  readonly #targets: Targets;
  readonly #pending = new Map<number, Pending>();
  /** Where numbers begin is drawn, so that none of a former coordinator is taken for one of this. */
  #lastId = randomInt(2 ** 47);

  constructor(network: Network, carrier: Carrier) {
    this.#network = network;
    this.#carrier = carrier;
    this.#targets = new Targets(network);
    network.onEntries((entries) => this.#dropReplaced(entries));
  }

  /**
   * Issues a command and calls `onResult` for each node, at least once, the last time with `last`. Returns
   * how to withdraw it, which ends it at once. Throws the errors that IssueCommand names, and then
   * nobody was asked.
   */
  issue(
    request: IssueCommandRequest,
    source: string,
    onResult: (result: NodeResult) => void,
  ): Cancel {
    const { limits, clock } = this.#network.options;
    const checked = checkCommand(request, limits);
    const names = this.#targets.of(request.target, checked.name);
    if (this.#pending.size >= limits.commands) throw limitError(limits.commands);
    const id = ++this.#lastId;
    const { command, bytes, attributes, timeoutMs } = checked;
    const targets = new Map(names.map((name) => [name, this.#target(name)]));
    const answersLeft = request.maxAnswers === 0 ? names.length : request.maxAnswers;
    const pending: Pending = { id, command, targets, onResult, answersLeft, stop: () => undefined };
    this.#pending.set(id, pending);
    const endsMs = clock.now() + timeoutMs;
    pending.stop = clock.after(timeoutMs, () => this.#expire(pending));
    const requestNow = (): CommandRequest => {
      const timeLeft = durationOf(Math.max(0, endsMs - clock.now()));
      return { commandId: id, source, command, timeLeft, attributes };
    };
    for (const name of [...targets.keys()]) this.#hand(pending, name, bytes, requestNow);
    return () => this.#endAll(pending, () => cancelled());
  }

  /** Asks one node, in nobody's name. Rejects with what is refused before it was asked. */
  ask(node: string, command: Command, timeoutMs: number): Promise<NodeResult> {
    const request = {
      target: { place: { $case: 'node', value: node } } as const,
      command,
      timeout: durationOf(timeoutMs),
      maxAnswers: 0,
      attributes: {},
    };
    return new Promise((resolve) => {
      this.issue(request, '', resolve);
    });
  }

  #target(name: string): Target {
    const owner = this.#network.tables.owners.get(name)?.value;
    return { instance: owner?.instanceId ?? new Uint8Array(), handed: false };
  }

  #hand(pending: Pending, name: string, bytes: number, requestNow: () => CommandRequest): void {
    const target = pending.targets.get(name);
    if (!target) return;
    const met = this.#carrier.hand(name, {
      bytes,
      take: () => {
        if (!pending.targets.has(name)) return undefined;
        target.handed = true;
        return requestNow();
      },
      drop: () => this.#settle(pending, name, notDelivered(name)),
    });
    if (met === 'absent') this.#settle(pending, name, notDelivered(name));
    if (met === 'full') this.#settle(pending, name, busy(name));
  }

  /**
   * Takes a node's answer. Throws COMMAND_NOT_FOUND; COMMAND_INVALID, PAYLOAD_TOO_LARGE or
   * CONTENT_TOO_DEEP, which end the command for this node too.
   */
  reply(node: string, instance: Uint8Array, { commandId, outcome }: CommandReply): void {
    const pending = this.#pending.get(commandId);
    const target = pending?.targets.get(node);
    if (!pending || !target?.handed || !sameBytes(target.instance, instance)) {
      throw notWaiting(commandId);
    }
    try {
      this.#settle(pending, node, this.#outcomeOf(pending.command, node, outcome));
    } catch (error) {
      if (error instanceof KelpieError) this.#settle(pending, node, error);
      throw error;
    }
  }

  #outcomeOf(command: Command, node: string, outcome: CommandReply['outcome']) {
    if (outcome?.$case === 'failure') {
      const said = cutText(outcome.value.message, 4096);
      return new KelpieError('COMMAND_FAILED', said || `"${node}" did not do it`, { name: node });
    }
    const answer = outcome?.value ?? { form: undefined };
    checkAnswer(command, answer, this.#network.options.limits);
    return answer;
  }

  #settle(pending: Pending, node: string, outcome: CommandAnswer | KelpieError): void {
    if (!pending.targets.delete(node)) return;
    if (!(outcome instanceof KelpieError)) pending.answersLeft -= 1;
    const last = pending.targets.size === 0 || pending.answersLeft === 0;
    if (last) this.#forget(pending);
    pending.onResult({ node, outcome, last });
  }

  /** Those that are left are not wanted any more. */
  #forget(pending: Pending): void {
    pending.stop();
    this.#pending.delete(pending.id);
    for (const [name, { handed }] of pending.targets) {
      if (handed) this.#carrier.withdraw(name, pending.id);
    }
    pending.targets.clear();
  }

  #expire(pending: Pending): void {
    this.#endAll(pending, (name, { handed }) => (handed ? unanswered(name) : notDelivered(name)));
  }

  #endAll(pending: Pending, why: (name: string, target: Target) => KelpieError): void {
    for (const [name, target] of [...pending.targets]) {
      if (target.handed) this.#carrier.withdraw(name, pending.id);
      this.#settle(pending, name, why(name, target));
    }
  }

  #dropReplaced(entries: readonly Entry[]): void {
    if (this.#pending.size === 0) return;
    for (const name of ownersWritten(this.#network.tables, entries)) this.#dropUnlessOwned(name);
  }

  /** A process that does not own its node any more will not answer. */
  #dropUnlessOwned(name: string): void {
    const owner = this.#network.tables.owners.get(name)?.value;
    for (const pending of [...this.#pending.values()]) {
      const target = pending.targets.get(name);
      if (!target || (owner && sameBytes(owner.instanceId, target.instance))) continue;
      this.#settle(pending, name, target.handed ? unanswered(name) : notDelivered(name));
    }
  }

  /** Commands that wait for answers. */
  get pending(): number {
    return this.#pending.size;
  }
}
