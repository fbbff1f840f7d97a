/** Everybody who is online, found and counted from memory. */
import type { Player } from '../../gen/ts/kelpie/v1/player.js';
import { anyText, object } from '../core/arguments.js';
import { KelpieError, typed } from '../errors.js';
import { folded } from '../core/name.js';
import { Rows } from './rows.js';

/**
 * How a player is looked up; names and UUIDs in any case. A name that is exactly right wins over names that
 * differ in case.
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

  constructor(onChange: () => void) {
    this.rows = new Rows<Player>(
      ({ id }) => id,
      (before, after) => {
        if (before) this.#file('remove', before);
        if (after) this.#file('add', after);
        onChange();
      },
    );
  }

  #file(how: 'add' | 'remove', { id, proxy, server, name, uuid }: Player): void {
    this.#onProxy[how](proxy, id);
    this.#onServer[how](server, id);
    this.#byName[how](folded(name), id);
    this.#byUuid[how](uuid, id);
  }

  /** As the coordinator finds them. Throws PLAYER_AMBIGUOUS. */
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

  count(place: { proxy?: string; server?: string }): number {
    const { proxy, server } = typed(() => ({ ...(object('the place', place) as typeof place) }));
    const onProxy = proxy === undefined ? undefined : this.#onProxy.get(nodeOf('proxy', proxy));
    const onServer =
      server === undefined ? undefined : this.#onServer.get(nodeOf('server', server));
    if (onProxy && onServer) return [...onProxy].filter((id) => onServer.has(id)).length;
    return (onProxy ?? onServer)?.size ?? this.rows.size;
  }
}

/** Of those who are meant perhaps, so many are named. */
const CANDIDATES = 10;
const NONE: ReadonlySet<string> = new Set();

/** Ids by what their players have in common. */
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

/** Throws VALUE_INVALID for what says nobody. */
function checkedLookup(given: PlayerLookup): PlayerLookup {
  const lookup = object('the player', given) as PlayerLookup;
  if ('id' in lookup) return { id: anyText('id', lookup.id) };
  if ('xuid' in lookup) return { xuid: anyText('xuid', lookup.xuid) };
  if ('uuid' in lookup) return { uuid: anyText('uuid', lookup.uuid) };
  return { name: anyText('name', lookup.name) };
}

function nodeOf(field: string, name: string): string {
  return anyText(field, name).toLowerCase();
}
