/**
 * One transfer, as a pure function: the state and an event give the next state and the actions to take. The target
 * is asked first, then the source, then the proxy. The report of the move counts, and not the proxy's reply. The
 * slots are released when the arrival is in the table, and never before that.
 */
import type { PlayerRef } from '../../gen/ts/kelpie/v1/command.js';
import type { Address } from '../../gen/ts/kelpie/v1/node.js';
import { KelpieError } from '../core/errors.js';
import * as ends from './errors.js';

/** The place that the player goes to. */
export interface Goal {
  /** Another node that the player connects to. Empty: the player stays on their proxy. */
  readonly proxy: string;
  /** Its public address. */
  readonly address: Address | undefined;
  /** The server. Empty: the routing rules of the other proxy decide. */
  readonly server: string;
}

/** The steps in their order. The commands have the names of their forms. */
export type Asked = 'prepareArrival' | 'prepareDeparture' | 'transferPlayer' | 'confirmArrival';
type Step = 'hold' | Asked | 'ticket' | 'arrived' | 'failed';

/** The state of a transfer. */
export interface Transfer {
  readonly player: PlayerRef;
  /** The generation of the login at another proxy; 0: none yet. */
  readonly login: number;
  /** The node that holds the player at first. */
  readonly proxy: string;
  /** The server that the player comes from. Empty: none. */
  readonly source: string;
  /** Undefined until a slot is held. */
  readonly goal: Goal | undefined;
  readonly step: Step;
  /** The node of the step has its command. */
  readonly issued: boolean;
  /** The server in the row of the player. */
  readonly at: string;
  /** The player has left the first proxy on the way to the other one. */
  readonly left: boolean;
  /** The servers that have prepared the transfer, or may have. */
  readonly prepared: readonly string[];
}

/** The parts of the player's row that a transfer looks at. */
export interface Place {
  readonly proxy: string;
  readonly server: string;
  readonly generation: number;
  readonly loggingIn: boolean;
}

export type TransferEvent =
  | { readonly kind: 'held'; readonly goal: Goal }
  /** The command of the step is on its way to its node. */
  | { readonly kind: 'issued' }
  /** The step is done, or its node did not announce its command. */
  | { readonly kind: 'done'; readonly step: Step }
  | { readonly kind: 'refused'; readonly step: Step; readonly error: KelpieError }
  /** The row of the player as it is now. */
  | { readonly kind: 'row'; readonly place: Place }
  | { readonly kind: 'gone'; readonly proxyLost: boolean }
  /** The process of the node left. */
  | { readonly kind: 'nodeLost'; readonly node: string }
  | { readonly kind: 'deadline'; readonly limitMs: number }
  | { readonly kind: 'stopping' };

export type Action =
  /** Sends the command of the step to its node. Answered by `issued`, and by `done` or `refused`. */
  | { readonly do: 'ask'; readonly step: Asked; readonly node: string }
  /** Stores the ticket. Answered by `done` or `refused`. */
  | { readonly do: 'store' }
  | { readonly do: 'revoke' }
  /** Releases the slots. */
  | { readonly do: 'release' }
  /** Sends transfer_ended. */
  | { readonly do: 'report'; readonly node: string; readonly error: KelpieError | undefined }
  /** The transfer has ended. Nothing follows. */
  | { readonly do: 'end'; readonly error: KelpieError | undefined };

/** The next state, and the actions in their order. */
export type Next = readonly [Transfer, readonly Action[]];

/** A transfer before its first event. Its slot is being held. */
export function begin(player: PlayerRef, { proxy, server }: Place): Transfer {
  return {
    ...{ player, proxy, source: server, at: server },
    ...{ login: 0, goal: undefined, step: 'hold', issued: false, left: false, prepared: [] },
  };
}

export function next(transfer: Transfer, event: TransferEvent): Next {
  if (hasEnded(transfer)) return [transfer, []];
  switch (event.kind) {
    case 'held':
      return held(transfer, event.goal);
    case 'issued':
      return [{ ...transfer, issued: true, prepared: preparing(transfer) }, []];
    case 'done':
      return event.step === transfer.step ? done(transfer) : [transfer, []];
    case 'refused':
      return event.step === transfer.step ? refused(transfer, event.error) : [transfer, []];
    case 'row':
      return rowChanged(transfer, event.place);
    case 'gone':
      return gone(transfer, event.proxyLost);
    case 'nodeLost':
      return isGoal(transfer, event.node)
        ? fail(transfer, ends.targetLost(event.node))
        : [transfer, []];
    case 'deadline':
      return fail(transfer, ends.timedOut(event.limitMs, nodeOf(transfer), isMoving(transfer)));
    case 'stopping':
      return fail(transfer, isMoving(transfer) ? ends.unknown(nodeOf(transfer)) : ends.stopping());
  }
}

export function hasEnded({ step }: Transfer): boolean {
  return step === 'arrived' || step === 'failed';
}

/** Whether the proxy has its command, so that the player may move at any time. */
export function isMoving({ step, issued }: Transfer): boolean {
  return (step === 'transferPlayer' && issued) || step === 'confirmArrival';
}

/** The server that takes part at the target's side; empty: none. */
function targetServer({ goal }: Transfer): string {
  return goal?.server ?? '';
}

/** The node that the step waits for; empty: none. */
function nodeOf(transfer: Transfer): string {
  const { step, goal, left, source, proxy } = transfer;
  if (step === 'prepareDeparture') return source;
  if (step === 'transferPlayer') return left ? (goal?.proxy ?? '') : proxy;
  return step === 'prepareArrival' || step === 'confirmArrival' ? targetServer(transfer) : '';
}

function isGoal({ goal }: Transfer, node: string): boolean {
  return goal !== undefined && (node === goal.server || node === goal.proxy);
}

/** The servers that may have prepared, now that the node of the step has its command. */
function preparing(transfer: Transfer): readonly string[] {
  const { step, prepared } = transfer;
  const prepares = step === 'prepareArrival' || step === 'prepareDeparture';
  return prepares ? [...prepared, nodeOf(transfer)] : prepared;
}

function held(transfer: Transfer, goal: Goal): Next {
  const here = { ...transfer, goal, source: transfer.at };
  if (goal.proxy === '' && goal.server === transfer.at) {
    return fail(here, ends.alreadyThere(goal.server));
  }
  return ask(here, 'prepareArrival');
}

/** Begins a step. A step without a node is done already. */
function ask(transfer: Transfer, step: Asked): Next {
  const asking = { ...transfer, step, issued: false };
  const node = nodeOf(asking);
  return node === '' ? done(asking) : [asking, [{ do: 'ask', step, node }]];
}

function done(transfer: Transfer): Next {
  switch (transfer.step) {
    case 'prepareArrival':
      return ask(transfer, 'prepareDeparture');
    case 'prepareDeparture':
      if (transfer.goal?.proxy === '') return ask(transfer, 'transferPlayer');
      return [{ ...transfer, step: 'ticket', issued: false }, [{ do: 'store' }]];
    case 'ticket':
      return ask(transfer, 'transferPlayer');
    case 'confirmArrival':
      return arrived(transfer);
    default:
      // The proxy's reply decides nothing: only the row shows where the player is.
      return [transfer, []];
  }
}

function arrived(transfer: Transfer): Next {
  const { source } = transfer;
  const saved = source !== targetServer(transfer) && transfer.prepared.includes(source);
  const report = { do: 'report', node: source, error: undefined } as const;
  const end = { do: 'end', error: undefined } as const;
  return [{ ...transfer, step: 'arrived' }, saved ? [report, end] : [end]];
}

function refused(transfer: Transfer, error: KelpieError): Next {
  const node = nodeOf(transfer);
  // A player may come back to the server that they leave: it has prepared one of both then.
  const own = ends.isRefusal(error) ? transfer.prepared.lastIndexOf(node) : -1;
  const prepared = transfer.prepared.filter((_, index) => index !== own);
  const rest = { ...transfer, prepared };
  switch (transfer.step) {
    case 'prepareArrival':
      return fail(rest, ends.ofTarget(error, node));
    case 'prepareDeparture':
      return fail(rest, ends.ofSource(error, node));
    case 'confirmArrival':
      return fail(transfer, ends.ofConfirmation(error, node));
    case 'transferPlayer':
      return refusedByProxy(transfer, error);
    default:
      return fail(transfer, error);
  }
}

function refusedByProxy(transfer: Transfer, error: KelpieError): Next {
  // The proxy has its command and did not answer: the player may still arrive.
  if (error.reason === 'OUTCOME_UNKNOWN') return [transfer, []];
  // The player left before the proxy had its command.
  if (transfer.left) return fail(transfer, ends.quit());
  return fail(transfer, ends.ofProxy(error, transfer.proxy));
}

function rowChanged(transfer: Transfer, place: Place): Next {
  const { player, proxy } = transfer;
  const same = place.proxy === proxy && place.generation === player.generation;
  if (transfer.step === 'confirmArrival') return confirming(transfer, place);
  if (same && !transfer.left) return movedOnProxy(transfer, place);
  return loggedIn(transfer, place);
}

/** The player is on the same proxy, in the same presence. */
function movedOnProxy(transfer: Transfer, place: Place): Next {
  const { goal, at } = transfer;
  if (place.server === at) return [transfer, []];
  const moved = { ...transfer, at: place.server };
  // Before the goal is chosen the player may change the server; on the way they may be on none.
  if (!goal || place.server === '') return [moved, []];
  if (goal.proxy === '' && place.server === goal.server) return arrive(moved);
  return fail(moved, ends.elsewhere(place));
}

/** The player logged in again. */
function loggedIn(transfer: Transfer, place: Place): Next {
  const { goal } = transfer;
  if (!goal || goal.proxy === '' || !isMoving(transfer)) return fail(transfer, ends.again());
  if (place.proxy !== goal.proxy) return fail(transfer, ends.elsewhere(place));
  const there = { ...transfer, login: place.generation, left: true, at: place.server };
  if (place.loggingIn) return [there, []];
  if (goal.server === '' || place.server === goal.server) return arrive(there);
  return place.server === '' ? [there, []] : fail(there, ends.elsewhere(place));
}

/** The arrival is in the table. */
function arrive(transfer: Transfer): Next {
  const [confirming, actions] = ask(transfer, 'confirmArrival');
  return [confirming, [{ do: 'release' }, ...actions]];
}

function confirming(transfer: Transfer, place: Place): Next {
  const { player, login, goal } = transfer;
  if (place.generation !== (login || player.generation)) return fail(transfer, ends.again());
  const there = goal?.server === '' || place.server === goal?.server;
  return there ? [transfer, []] : fail(transfer, ends.elsewhere(place));
}

function gone(transfer: Transfer, proxyLost: boolean): Next {
  const { goal, step, left, login, proxy } = transfer;
  // The player leaves the first proxy on the way to the other one.
  const expected = step === 'transferPlayer' && isMoving(transfer) && goal?.proxy !== '' && !left;
  if (expected) return [{ ...transfer, left: true }, []];
  const holder = login > 0 ? (goal?.proxy ?? '') : proxy;
  return fail(transfer, proxyLost ? ends.proxyLost(holder) : ends.quit());
}

function fail(transfer: Transfer, error: KelpieError): Next {
  const { step, goal, prepared } = transfer;
  const actions: Action[] = [];
  const ticketed = goal !== undefined && goal.proxy !== '';
  if (step !== 'confirmArrival') actions.push({ do: 'release' });
  if (ticketed && (step === 'ticket' || step === 'transferPlayer')) actions.push({ do: 'revoke' });
  for (const node of new Set(prepared)) actions.push({ do: 'report', node, error });
  return [{ ...transfer, step: 'failed' }, [...actions, { do: 'end', error }]];
}
