/** Players as a proxy says them, and as the contract does. Pure. */
import { Player, type PlayerChange } from '../gen/ts/kelpie/v1/player.js';
import { KelpieError } from './errors.js';

/** What a proxy knows of a player. A XUID or a UUID is needed, and a name. */
export interface PlayerFacts {
  /** The Xbox user id. Empty or left out: not signed in to Xbox Live. */
  readonly xuid?: string;
  readonly uuid?: string;
  readonly name: string;
  /** The server that he is on. Left out: none yet, or the one that is known. */
  readonly server?: string;
  /** Where he comes from, as his proxy sees it. */
  readonly address?: string;
  readonly device?: { readonly os?: string; readonly model?: string; readonly input?: string };
  /** As his client says it: `en_GB`. */
  readonly language?: string;
  readonly protocolVersion?: number;
  /** Free facts about him. */
  readonly properties?: Readonly<Record<string, string>>;
  /** What goes with him from server to server: at most 16 KiB. */
  readonly context?: Uint8Array;
}

/** What changes of a player; what is left out stays. */
export interface PlayerFactsChange {
  readonly properties?: Readonly<Record<string, string>>;
  readonly removedProperties?: readonly string[];
  readonly context?: Uint8Array;
  readonly language?: string;
}

/** The player's id: his XUID, else his UUID. Throws PLAYER_INVALID if he has neither. */
export function idOf({ xuid = '', uuid = '' }: Pick<PlayerFacts, 'xuid' | 'uuid'>): string {
  const id = xuid === '' || xuid === '0' ? uuid.toLowerCase() : xuid;
  if (id !== '') return id;
  throw invalid('a player has a XUID or a UUID; neither is given');
}

/** Throws PLAYER_INVALID for what has no id or cannot be sent; the coordinator checks the rest. */
export function playerOf(facts: PlayerFacts): Player {
  const { server = '', device, ...rest } = facts;
  const player = Player.create({
    ...rest,
    id: idOf(facts),
    server: server.toLowerCase(),
    ...(device && { device }),
  });
  try {
    Player.encode(player);
  } catch (cause) {
    throw invalid(`"${facts.name}" cannot be sent: ${String(cause)}`);
  }
  return player;
}

export function changeOf(change: PlayerFactsChange): PlayerChange {
  return {
    properties: { ...change.properties },
    removedProperties: [...(change.removedProperties ?? [])],
    context: change.context,
    language: change.language,
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

/** The player as he is now without a change that was refused, as far as it was not changed again. */
export function unchanged(now: Player, before: Player, change: PlayerChange): Player {
  const properties = { ...now.properties };
  for (const [name, value] of Object.entries(change.properties)) {
    if (properties[name] !== value) continue;
    const former = before.properties[name];
    if (former === undefined) Reflect.deleteProperty(properties, name);
    else properties[name] = former;
  }
  return {
    ...now,
    properties,
    context: now.context === change.context ? before.context : now.context,
    language: now.language === change.language ? before.language : now.language,
  };
}

function invalid(message: string): KelpieError {
  return new KelpieError('PLAYER_INVALID', message, { permanent: true });
}
