/** The online players of a roster: finds and counts them from memory. */
import type { Player } from '../../gen/ts/kelpie/v1/player.js';
import { anyText, invalid, object } from '../core/arguments.js';
import { KelpieError, typed } from '../errors.js';
import { folded } from '../core/name.js';
import { type OnRowChange, Rows } from './rows.js';

/**
 * A look-up of a player. Names and UUIDs match in any case; if several names match, an exactly equal one wins.
 */
export type PlayerLookup =
  | { readonly id: string }
  | { readonly xuid: string }
  | { readonly uuid: string }
  | { readonly name: string };

export class RosterPlayers {
  readonly rows: Rows<Player>;
  readonly #onProxy = new Index();
  readonly #onServer = new Index();
  readonly #byName = new Index();
  readonly #byUuid = new Index();

  constructor(onChange: OnRowChange<Player>) {
    this.rows = new Rows<Player>(
      ({ id }) => id,
      (before, after) => {
        if (before) this.#file('remove', before);
        if (after) this.#file('add', after);
        onChange(before, after);
      },
    );
  }

  #file(how: 'add' | 'remove', { id, proxy, server, name, uuid }: Player): void {
    this.#onProxy[how](proxy, id);
    this.#onServer[how](server, id);
    this.#byName[how](folded(name), id);
    this.#byUuid[how](uuid, id);
  }

  /** Finds a player by the rules of the coordinator. Throws PLAYER_AMBIGUOUS or VALUE_INVALID. */
  find(given: PlayerLookup): Player | undefined {
    const lookup = typed(() => checkedLookup(given));
    const found = [...this.#idsOf(lookup)].flatMap((id) => this.rows.get(id) ?? []);
    if (found.length < 2 || !('name' in lookup)) return found[0];
    const exact = found.filter(({ name }) => name === lookup.name);
    const meant = exact.length > 0 ? exact : found;
    if (meant.length === 1) return meant[0];
    throw ambiguous(lookup.name, meant);
  }

  #idsOf(lookup: PlayerLookup): Iterable<string> {
    if ('id' in lookup) return [lookup.id];
    if ('xuid' in lookup) return [lookup.xuid];
    if ('uuid' in lookup) return this.#byUuid.get(lookup.uuid.toLowerCase());
    return this.#byName.get(folded(lookup.name));
  }

  /** The number of players on the server of this name, in lower case. */
  onServer(name: string): number {
    return this.#onServer.get(name).size;
  }

  count(place: { proxy?: string; server?: string }): number {
    const { proxy, server } = typed(() => ({ ...(object('the place', place) as typeof place) }));
    const onProxy = proxy === undefined ? undefined : this.#onProxy.get(nodeOf('proxy', proxy));
    const onServer =
      server === undefined ? undefined : this.#onServer.get(nodeOf('server', server));
    if (onProxy && onServer) return [...onProxy].filter((id) => onServer.has(id)).length;
    return (onProxy ?? onServer)?.size ?? this.rows.size;
  }
}

/** The most players that the message of PLAYER_AMBIGUOUS names. */
const CANDIDATES = 10;
const NONE: ReadonlySet<string> = new Set();

/** Ids of players by a common key: a server, a proxy, a name or a UUID. */
class Index {
  readonly #ids = new Map<string, Set<string>>();

  get(key: string): ReadonlySet<string> {
    return this.#ids.get(key) ?? NONE;
  }

  add(key: string, id: string): void {
    const ids = this.#ids.get(key);
    if (ids) ids.add(id);
    else this.#ids.set(key, new Set([id]));
  }

  remove(key: string, id: string): void {
    const ids = this.#ids.get(key);
    ids?.delete(id);
    if (ids?.size === 0) this.#ids.delete(key);
  }
}

function ambiguous(name: string, players: readonly Player[]): KelpieError {
  const shown = players.slice(0, CANDIDATES);
  const candidates = shown.map((one) => `${one.name} (${one.id})`).join(', ');
  const message = `"${name}" may be ${candidates}; name the player by id`;
  return new KelpieError('PLAYER_AMBIGUOUS', message, { permanent: true });
}

/**
 * A copy, with one key: a whole player is a look-up by their id. Throws VALUE_INVALID if it is not a look-up.
 */
export function checkedLookup(given: PlayerLookup): PlayerLookup {
  const lookup = object('the player', given) as PlayerLookup;
  if ('id' in lookup) return { id: anyText('id', lookup.id) };
  if ('xuid' in lookup) return { xuid: anyText('xuid', lookup.xuid) };
  if ('uuid' in lookup) return { uuid: anyText('uuid', lookup.uuid) };
  if ('name' in lookup) return { name: anyText('name', lookup.name) };
  const message = 'the player has none of id, xuid, uuid and name; it must have one of them';
  throw invalid(message, 'the player');
}

function nodeOf(field: string, name: string): string {
  return anyText(field, name).toLowerCase();
}
