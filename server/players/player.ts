/** Checks the facts that a proxy sends about a player, and makes the public Player of them. Pure. */
import type { Device, Player, PlayerChange, PlayerLookup } from '../../gen/ts/kelpie/v1/player.js';
import { KelpieError } from '../core/errors.js';
import { labelsOf, textOf } from '../network/labels.js';
import { cutText } from '../core/text.js';

/** The most bytes of a name. */
export const NAME_BYTES = 128;
const LOOKUP_BYTES = 255;
/** Memory of a player without texts, and of a property without its texts. */
const FIXED_BYTES = 512;
const PROPERTY_BYTES = 64;
/** The most players that an answer names as candidates for an ambiguous name. */
export const CANDIDATES = 10;
const CONTEXT_BYTES = 16 * 1024;
const XUID = /^\d{1,20}$/;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
// eslint-disable-next-line no-control-regex -- this pattern must match control characters
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;

/** The proxy that holds the player, their server, and the time of their join. */
export type Place = Pick<
  Player,
  'proxy' | 'server' | 'serverUnregistered' | 'generation' | 'joinTime'
>;

/** Checks facts. Throws PLAYER_INVALID, LABELS_INVALID or TEXT_TOO_LONG. */
export function playerOf(facts: Player, place: Place): Player {
  const xuid = xuidOf(facts.xuid);
  const uuid = uuidOf(facts.uuid, xuid === '');
  return {
    id: xuid === '' ? uuid : xuid,
    xuid,
    uuid,
    name: nameOf(facts.name),
    ...place,
    address: textOf('address', facts.address, 253),
    device: facts.device && deviceOf(facts.device),
    language: textOf('language', facts.language, 32),
    protocolVersion: facts.protocolVersion,
    properties: labelsOf(facts.properties),
    context: contextOf(facts.context),
    latencyMs: undefined,
  };
}

/** The id of a player: the XUID, or the UUID of a player without a XUID. Throws PLAYER_INVALID. */
export function idOf(facts: Pick<Player, 'xuid' | 'uuid'>): string {
  const xuid = xuidOf(facts.xuid);
  return xuid === '' ? uuidOf(facts.uuid, true) : xuid;
}

/** Estimates the bytes of a player that a peer sent. It is not checked yet, so it may be impossible to encode. */
export function weightOf(player: Player): number {
  const { xuid, uuid, name, server, address, language, device, context, properties } = player;
  let bytes = FIXED_BYTES + context.length;
  for (const text of [xuid, uuid, name, server, address, language]) bytes += text.length;
  if (device) bytes += device.os.length + device.model.length + device.input.length;
  for (const [one, value] of Object.entries(properties)) {
    bytes += PROPERTY_BYTES + one.length + value.length;
  }
  return bytes;
}

/** The player after a change. Throws LABELS_INVALID, TEXT_TOO_LONG or PLAYER_INVALID. */
export function changedPlayer(player: Player, change: PlayerChange): Player {
  const removed = new Set(change.removedProperties);
  const all = { ...player.properties, ...change.properties };
  const kept = Object.entries(all).filter(([name]) => !removed.has(name));
  return {
    ...player,
    properties: labelsOf(Object.fromEntries(kept)),
    context: contextOf(change.context ?? player.context),
    language: textOf('language', change.language ?? player.language, 32),
  };
}

/** Checks a lookup. Throws PLAYER_INVALID if it is empty or too long. */
export function lookupOf(lookup: PlayerLookup | undefined): NonNullable<PlayerLookup['by']> {
  const by = lookup?.by;
  if (!by || by.value === '') {
    throw invalid('player', 'the lookup is empty: set id, xuid, uuid or name');
  }
  const bytes = Buffer.byteLength(by.value);
  if (bytes <= LOOKUP_BYTES) return by;
  const message = `the ${by.$case} in the lookup has ${bytes} bytes; the limit is ${LOOKUP_BYTES}`;
  throw invalid('player', message, LOOKUP_BYTES);
}

/** Checks the prefix of a name. Throws PLAYER_INVALID. */
export function prefixOf(prefix: string): string {
  const bytes = Buffer.byteLength(prefix);
  if (bytes <= NAME_BYTES) return prefix;
  const message = `the prefix of a name has ${bytes} bytes; a name has at most ${NAME_BYTES}`;
  throw invalid('name_prefix', message, NAME_BYTES);
}

/** The error for an invalid fact of a player. */
export function invalid(field: string, message: string, limit?: number): KelpieError {
  const metadata = { field, ...(limit !== undefined && { limit: String(limit) }) };
  return new KelpieError('PLAYER_INVALID', message, metadata);
}

/** The error for a player who is not online. */
export function playerNotFound(player: string): KelpieError {
  const shown = cutText(player, NAME_BYTES);
  return new KelpieError('PLAYER_NOT_FOUND', `no player "${shown}" is online`, { player: shown });
}

/** The error for a name that matches several players, none of them exactly. */
export function playerAmbiguous(name: string, players: readonly Player[]): KelpieError {
  const shown = players.slice(0, CANDIDATES);
  const candidates = shown.map((one) => `${one.name} (${one.id})`).join(', ');
  const more = players.length > shown.length ? ', and more' : '';
  return new KelpieError(
    'PLAYER_AMBIGUOUS',
    `"${cutText(name, NAME_BYTES)}" may be ${candidates}${more}; name the player by id`,
    { player: cutText(name, NAME_BYTES), candidates: shown.map(({ id }) => id).join() },
  );
}

function xuidOf(facts: string): string {
  if (facts === '' || facts === '0') return '';
  if (XUID.test(facts)) return facts;
  throw invalid(
    'xuid',
    'a XUID has up to 20 digits; leave it empty for a player without Xbox Live',
  );
}

function uuidOf(facts: string, needed: boolean): string {
  const uuid = facts.toLowerCase();
  if (UUID.test(uuid) || (uuid === '' && !needed)) return uuid;
  if (uuid === '') throw invalid('uuid', 'the player has no XUID and no UUID; set one of them');
  throw invalid('uuid', 'a UUID is 8-4-4-4-12 hex digits');
}

/** Whether a name contains control characters. */
export function isControlled(name: string): boolean {
  return CONTROL.test(name);
}

function nameOf(name: string): string {
  const bytes = Buffer.byteLength(name);
  if (bytes < 1 || bytes > NAME_BYTES) {
    throw invalid('name', `the name has ${bytes} bytes; 1 to ${NAME_BYTES} fit`, NAME_BYTES);
  }
  if (isControlled(name))
    throw invalid('name', 'the name contains control characters; remove them');
  return name;
}

function contextOf(context: Uint8Array): Uint8Array {
  if (context.length <= CONTEXT_BYTES) return context;
  const message = `the context has ${context.length} bytes; the limit is ${CONTEXT_BYTES}`;
  throw invalid('context', message, CONTEXT_BYTES);
}

function deviceOf({ os, model, input }: Device): Device {
  return {
    os: textOf('device.os', os, 64),
    model: textOf('device.model', model, 128),
    input: textOf('device.input', input, 64),
  };
}
