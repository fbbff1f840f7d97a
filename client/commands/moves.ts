/** The commands of transfers, in the form of programs and in the form of the contract. Pure. */
import type { Command } from '../../gen/ts/kelpie/v1/command.js';
import { ErrorDetail, ErrorReason } from '../../gen/ts/kelpie/v1/error.js';
import type { Address } from '../../gen/ts/kelpie/v1/node.js';
import { addressOf } from '../connection/own-node.js';
import { bytes, object, text } from '../core/arguments.js';
import { type FailureReason, fromWire, type KelpieError } from '../errors.js';
import { type PlayerRef, refOf, wireRef } from './refs.js';

/** A player is about to come to this server. A handler that throws refuses them. */
export interface PrepareArrival {
  readonly player: PlayerRef;
  readonly playerName: string;
  /** The server that the player comes from; empty: none. */
  readonly fromServer: string;
  /** The context of the transfer: bytes, which `contextJson` and `contextText` read. */
  readonly context: Uint8Array;
  readonly transferId: string;
  /** The proxy that the player will come through, if it is another one; else empty. */
  readonly toProxy: string;
}

/** A player is about to leave this server. The handler saves what belongs to them; if it throws, they stay. */
export interface PrepareDeparture {
  readonly player: PlayerRef;
  /** The server that the player goes to; empty: not known yet. */
  readonly toServer: string;
  /** The proxy that the player goes to, if it is another one; else empty. */
  readonly toProxy: string;
  readonly transferId: string;
}

/** The proxy moves a player: to a server, or with an `address` to another proxy. */
export interface TransferPlayer {
  readonly player: PlayerRef;
  /** The server that the player goes to; empty with `address`. */
  readonly server: string;
  /** Set: the player's client connects to this public address. */
  readonly address?: Address;
  /** The node at this address; else empty. */
  readonly toProxy: string;
  readonly transferId: string;
}

/** The server replies when the player is in its world. */
export interface ConfirmArrival {
  readonly player: PlayerRef;
  readonly transferId: string;
}

/** A transfer that this server prepared has ended. */
export interface TransferEnded {
  readonly player: PlayerRef;
  readonly transferId: string;
  /** Set if the transfer failed; the player may still be on the source. */
  readonly error?: KelpieError;
}

// eslint-disable-next-line @typescript-eslint/no-invalid-void-type -- a handler that returns nothing did the command
type Done = void;

/** The commands of transfers. A handler returns nothing; to refuse, it throws an error with the reason. */
export interface MoveForms {
  prepare_arrival: { request: PrepareArrival; reply: Done; result: undefined };
  prepare_departure: { request: PrepareDeparture; reply: Done; result: undefined };
  transfer_player: { request: TransferPlayer; reply: Done; result: undefined };
  confirm_arrival: { request: ConfirmArrival; reply: Done; result: undefined };
  transfer_ended: { request: TransferEnded; reply: Done; result: undefined };
}

type Form = NonNullable<Command['form']>;
type MoveForm = Extract<Form, { value: { transferId: string } }>;

/** The names of the commands of transfers. */
export const MOVE_NAMES = [
  'prepare_arrival',
  'prepare_departure',
  'transfer_player',
  'confirm_arrival',
  'transfer_ended',
] as const;

/** Whether a command of transfers has this name. */
export function isMoveName(name: string): name is keyof MoveForms {
  return (MOVE_NAMES as readonly string[]).includes(name);
}

type MoveCommand = {
  [Name in keyof MoveForms]: Readonly<Record<Name, MoveForms[Name]['request']>>;
}[keyof MoveForms];

/** Throws VALUE_INVALID or OUT_OF_RANGE. */
export function moveFormOf(command: MoveCommand): MoveForm {
  if ('prepare_arrival' in command) {
    const { context, ...rest } = object(
      'prepare_arrival',
      command.prepare_arrival,
    ) as PrepareArrival;
    const texts = textsIn(rest, ['playerName', 'fromServer', 'toProxy', 'transferId']);
    const value = { player: wireRef(rest.player), context: bytes('context', context), ...texts };
    return { $case: 'prepareArrival', value };
  }
  if ('prepare_departure' in command) {
    const asked = object('prepare_departure', command.prepare_departure) as PrepareDeparture;
    const texts = textsIn(asked, ['toServer', 'toProxy', 'transferId']);
    return { $case: 'prepareDeparture', value: { player: wireRef(asked.player), ...texts } };
  }
  if ('transfer_player' in command) {
    const asked = object('transfer_player', command.transfer_player) as TransferPlayer;
    const texts = textsIn(asked, ['server', 'toProxy', 'transferId']);
    const address = asked.address && addressOf('address', asked.address);
    const value = { player: wireRef(asked.player), address, ...texts };
    return { $case: 'transferPlayer', value };
  }
  if ('confirm_arrival' in command) {
    const asked = object('confirm_arrival', command.confirm_arrival) as ConfirmArrival;
    const texts = textsIn(asked, ['transferId']);
    return { $case: 'confirmArrival', value: { player: wireRef(asked.player), ...texts } };
  }
  const asked = object('transfer_ended', command.transfer_ended) as TransferEnded;
  const { player, error } = asked;
  const value = { player: wireRef(player), error: error && wireErrorOf(error) };
  return { $case: 'transferEnded', value: { ...value, ...textsIn(asked, ['transferId']) } };
}

function textsIn<Name extends string>(
  given: Readonly<Record<Name, string>>,
  names: readonly Name[],
): Record<Name, string> {
  const entries = names.map((name) => [name, text(name, given[name])]);
  return Object.fromEntries(entries) as Record<Name, string>;
}

function wireErrorOf({ reason, message }: KelpieError): ErrorDetail {
  const table: Partial<Record<FailureReason, ErrorReason>> = ErrorReason;
  return ErrorDetail.create({ reason: table[reason] ?? ErrorReason.UNSPECIFIED, message });
}

/** The name and the request of a command of transfers; undefined if it names no player. */
export function moveRequestOf(form: MoveForm): { name: string; request: unknown } | undefined {
  const { player: ref } = form.value;
  if (!ref) return undefined;
  const player = refOf(ref);
  switch (form.$case) {
    case 'prepareArrival':
      return { name: 'prepare_arrival', request: { ...form.value, player } };
    case 'prepareDeparture':
      return { name: 'prepare_departure', request: { ...form.value, player } };
    case 'transferPlayer': {
      const { address, ...rest } = form.value;
      const request = { ...rest, player, ...(address && { address }) };
      return { name: 'transfer_player', request };
    }
    case 'confirmArrival':
      return { name: 'confirm_arrival', request: { ...form.value, player } };
    case 'transferEnded': {
      const { error, transferId } = form.value;
      const request = { player, transferId, ...(error && { error: fromWire(error) }) };
      return { name: 'transfer_ended', request };
    }
  }
}
