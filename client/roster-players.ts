/** Everybody who is online, found and counted from memory. */
import type { Player } from '../gen/ts/kelpie/v1/player.js';
import { Seats } from './seats.js';

/** How a player is looked up; names and UUIDs in any case. */
export type PlayerLookup =
  | { readonly id: string }
  | { readonly xuid: string }
  | { readonly uuid: string }
  | { readonly name: string };

export class RosterPlayers {
  readonly seats: Seats<Player>;
  readonly #onProxy = new Index();
  readonly #onServer = new Index();
  readonly #byName = new Index();
  readonly #byUuid = new Index();

  constructor(onChange: () => void) {
    this.seats = new Seats<Player>(
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

  /** Of several with one name or UUID, the one who joined last. */
  find(lookup: PlayerLookup): Player | undefined {
    const found = [...this.#idsOf(lookup)].flatMap((id) => this.seats.get(id) ?? []);
    return found.sort((left, right) => right.generation - left.generation)[0];
  }

  #idsOf(lookup: PlayerLookup): Iterable<string> {
    if ('id' in lookup) return [lookup.id];
    if ('xuid' in lookup) return [lookup.xuid];
    if ('uuid' in lookup) return this.#byUuid.get(lookup.uuid.toLowerCase());
    return this.#byName.get(folded(lookup.name));
  }

  count({ proxy, server }: { proxy?: string; server?: string }): number {
    const onProxy = proxy === undefined ? undefined : this.#onProxy.get(proxy.toLowerCase());
    const onServer = server === undefined ? undefined : this.#onServer.get(server.toLowerCase());
    if (onProxy && onServer) return [...onProxy].filter((id) => onServer.has(id)).length;
    return (onProxy ?? onServer)?.size ?? this.seats.size;
  }
}

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

/** How the coordinator compares names. */
function folded(name: string): string {
  return name.normalize('NFC').toLowerCase();
}
