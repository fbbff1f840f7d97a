/** Players in the form of programs and in the form of the contract. Pure. */
import { Player, type PlayerChange } from '../../gen/ts/kelpie/v1/player.js';
import {
  bytes,
  object,
  text,
  textList,
  texts as textsByName,
  UINT32,
  whole,
} from '../core/arguments.js';
import { known } from '../core/known.js';
import { KelpieError } from '../errors.js';

/** The facts of a player. A name is needed, and a XUID or a UUID. */
export interface PlayerFacts {
  /** The Xbox user id. Empty or left out: the player is not signed in to Xbox Live. */
  readonly xuid?: string;
  readonly uuid?: string;
  readonly name: string;
  /** The server that the player is on. Left out: no server yet, or the server that was reported before. */
  readonly server?: string;
  /** The network address of the player, as the proxy sees it. */
  readonly address?: string;
  readonly device?: { readonly os?: string; readonly model?: string; readonly input?: string };
  /** The language of the player's client: `en_GB`. */
  readonly language?: string;
  readonly protocolVersion?: number;
  /** Free facts about the player. */
  readonly properties?: Readonly<Record<string, string>>;
  /** Bytes that go with the player from server to server: at most 16 KiB. */
  readonly context?: Uint8Array;
}

/** A change of a player. A field that is left out stays as it is. */
export interface PlayerFactsChange {
  readonly properties?: Readonly<Record<string, string>>;
  readonly removedProperties?: readonly string[];
  readonly context?: Uint8Array;
  readonly language?: string;
}

/** The player's id: the XUID, else the UUID. Throws PLAYER_INVALID if both are missing. */
export function idOf(facts: Pick<PlayerFacts, 'xuid' | 'uuid'>): string {
  const xuid = text('xuid', facts.xuid ?? '');
  const id = xuid === '' || xuid === '0' ? text('uuid', facts.uuid ?? '').toLowerCase() : xuid;
  if (id !== '') return id;
  throw invalid('a player needs a XUID or a UUID; both are missing');
}

/**
 * The player in the form of the contract: a copy. Throws PLAYER_INVALID if the id is missing, VALUE_INVALID or
 * OUT_OF_RANGE for a field that cannot be sent. The coordinator checks the rest.
 */
export function playerOf(facts: PlayerFacts): Player {
  const { device, protocolVersion, properties, context } = object(
    'the player',
    facts,
  ) as PlayerFacts;
  const texts = { name: '', uuid: '', xuid: '', server: '', address: '', language: '' };
  for (const field of Object.keys(texts) as (keyof typeof texts)[])
    texts[field] = text(field, facts[field] ?? '');
  return Player.create({
    ...texts,
    id: idOf(texts),
    server: texts.server.toLowerCase(),
    protocolVersion: whole('protocolVersion', protocolVersion ?? 0, 0, UINT32),
    properties: textsByName('properties', properties ?? {}),
    context: bytes('context', context ?? new Uint8Array()),
    ...(device && { device: deviceOf(device) }),
  });
}

/** The player on `ownServer`, if players join this node directly. Throws PLAYER_INVALID for another server. */
export function onOwnServer(player: Player, ownServer: string | undefined): Player {
  if (ownServer === undefined) return player;
  return { ...player, server: ownServerOf(player.server, ownServer) };
}

/** Throws PLAYER_INVALID for another server. */
export function ownServerOf(server: string, ownServer: string): string {
  if (server === '' || server === ownServer) return ownServer;
  throw invalid(`players who join "${ownServer}" directly are on "${ownServer}"`);
}

function deviceOf(device: NonNullable<PlayerFacts['device']>) {
  const { os = '', model = '', input = '' } = object('device', device) as typeof device;
  return {
    os: text('device.os', os),
    model: text('device.model', model),
    input: text('device.input', input),
  };
}

/** The change in the form of the contract: a copy. Throws VALUE_INVALID. */
export function changeOf(change: PlayerFactsChange): PlayerChange {
  const {
    properties = {},
    removedProperties = [],
    context,
    language,
  } = known('the change of a player', change, {
    properties: 1,
    removedProperties: 1,
    context: 1,
    language: 1,
  });
  return {
    properties: textsByName('properties', properties),
    removedProperties: textList('removedProperties', removedProperties),
    context: context === undefined ? undefined : bytes('context', context),
    language: language === undefined ? undefined : text('language', language),
  };
}

export function changed(player: Player, change: PlayerChange): Player {
  const removed = new Set(change.removedProperties);
  const all = Object.entries({ ...player.properties, ...change.properties });
  return playerOf({
    ...player,
    device: player.device ?? {},
    properties: Object.fromEntries(all.filter(([name]) => !removed.has(name))),
    context: change.context ?? player.context,
    language: change.language ?? player.language,
  });
}

/** The player without a refused change. Fields that have changed again since stay. */
export function unchanged(now: Player, before: Player, change: PlayerChange): Player {
  const properties = new Map(Object.entries(now.properties));
  const former = new Map(Object.entries(before.properties));
  for (const [name, value] of Object.entries(change.properties)) {
    if (properties.get(name) !== value) continue;
    const again = former.get(name);
    if (again === undefined) properties.delete(name);
    else properties.set(name, again);
  }
  return {
    ...now,
    properties: Object.fromEntries(properties),
    context: now.context === change.context ? before.context : now.context,
    language: now.language === change.language ? before.language : now.language,
  };
}

function invalid(message: string): KelpieError {
  return new KelpieError('PLAYER_INVALID', message, { permanent: true });
}
