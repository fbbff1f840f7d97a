/** Indexes of players: by proxy, by server, by UUID and by name. */
import type { Player, PlayerLookup } from '../../gen/ts/kelpie/v1/player.js';
import { Groups } from '../core/groups.js';
import { SortedSet } from '../core/sorted-set.js';
import { folded } from '../core/text.js';

/** The fields of a row that the index reads. */
interface Indexed extends Pick<Player, 'proxy' | 'server'> {
  readonly player: Pick<Player, 'name' | 'uuid'>;
  readonly loggingIn: boolean;
  readonly bytes: number;
}

/** Ends the name in a key. A name cannot contain this character. */
const END = '\0';

export class PlayerIndex {
  /** The players whom a proxy holds, including players who log in. */
  readonly ownedBy = new Groups();
  /** The players online on a proxy. */
  readonly byProxy = new Groups();
  /** The players online on a server. */
  readonly byServer = new Groups();
  /** All players by UUID, including players who log in. */
  readonly byUuid = new Groups();
  readonly #shared = new Set<string>();
  /** The players online: the folded name, then the id. */
  readonly #names = new SortedSet();
  /** Bytes of rows, by the proxy that holds the players. */
  readonly #bytes = new Map<string, number>();
  #allBytes = 0;
  #online = 0;

  add(id: string, row: Indexed): void {
    this.ownedBy.add(row.proxy, id);
    this.#weigh(row.proxy, row.bytes);
    const { player } = row;
    if (player.uuid !== '') {
      this.byUuid.add(player.uuid, id);
      if (this.byUuid.sizeOf(player.uuid) > 1) this.#shared.add(player.uuid);
    }
    if (row.loggingIn) return;
    this.#online += 1;
    this.byProxy.add(row.proxy, id);
    if (row.server !== '') this.byServer.add(row.server, id);
    this.#names.add(nameKey(player.name, id));
  }

  remove(id: string, row: Indexed): void {
    this.ownedBy.remove(row.proxy, id);
    this.#weigh(row.proxy, -row.bytes);
    const { player } = row;
    if (player.uuid !== '') {
      this.byUuid.remove(player.uuid, id);
      if (this.byUuid.sizeOf(player.uuid) < 2) this.#shared.delete(player.uuid);
    }
    if (row.loggingIn) return;
    this.#online -= 1;
    this.byProxy.remove(row.proxy, id);
    if (row.server !== '') this.byServer.remove(row.server, id);
    this.#names.delete(nameKey(player.name, id));
  }

  #weigh(proxy: string, bytes: number): void {
    this.#allBytes += bytes;
    const ofProxy = (this.#bytes.get(proxy) ?? 0) + bytes;
    if (ofProxy === 0) this.#bytes.delete(proxy);
    else this.#bytes.set(proxy, ofProxy);
  }

  /** UUIDs in several rows: each is one person with several presences, which must not stay. */
  get sharedUuids(): ReadonlySet<string> {
    return this.#shared;
  }

  /** How many players are online. */
  get online(): number {
    return this.#online;
  }

  /** Bytes of all rows. */
  get bytes(): number {
    return this.#allBytes;
  }

  /** Bytes of the rows of a proxy's players. */
  bytesOf(proxy: string): number {
    return this.#bytes.get(proxy) ?? 0;
  }

  /** How many players log in on a proxy: they have a grant and have not joined yet. */
  loginsOf(proxy: string): number {
    return this.ownedBy.sizeOf(proxy) - this.byProxy.sizeOf(proxy);
  }

  /** The ids that match a lookup. */
  *idsOf({ $case, value }: NonNullable<PlayerLookup['by']>): Generator<string> {
    if ($case === 'id' || $case === 'xuid') yield value;
    else if ($case === 'uuid') yield* this.byUuid.get(value.toLowerCase());
    else for (const key of this.#names.beginning(folded(value) + END)) yield idIn(key);
  }

  /** The keys of names with this prefix, after one key, in order. */
  *namesAfter(prefix: string, key: string): Generator<string> {
    const form = folded(prefix);
    for (const name of this.#names.after(key > form ? key : form)) {
      if (!name.startsWith(form)) return;
      yield name;
    }
  }
}

/** The player's id in a key of a name. */
export function idIn(nameKey: string): string {
  return nameKey.slice(nameKey.lastIndexOf(END) + 1);
}

function nameKey(name: string, id: string): string {
  return folded(name) + END + id;
}
