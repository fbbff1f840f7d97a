/** The rows of players, with the indexes by which they are found, and what is stored in them. */
import { PlayerRow } from '../../gen/ts/kelpie/storage/v1/player_row.js';
import { Event } from '../../gen/ts/kelpie/v1/event.js';
import { Player, type PlayerLookup } from '../../gen/ts/kelpie/v1/player.js';
import { sameBytes } from '../core/cursor.js';
import { Groups } from '../core/groups.js';
import { topicOfKey } from '../core/topic.js';
import type { Draft, Requirement } from '../journal/journal.js';
import { folded } from './player-facts.js';
import { type Folded, Table } from './table.js';

/** A player, and the process that holds him. */
export interface Held extends Pick<Player, 'proxy' | 'server' | 'generation'> {
  /** All of him; decoded each time. */
  readonly player: Player;
  readonly instance: Uint8Array;
  /** Granted, and not joined: not online. */
  readonly loggingIn: boolean;
}

/** A player as he is about to be written. */
export function heldOf(player: Player, instance: Uint8Array, loggingIn: boolean): Held {
  const { proxy, server, generation } = player;
  return { proxy, server, generation, player, instance, loggingIn };
}

/** As he is kept: his bytes, which the journal has too, and what he is found and judged by. */
class Kept implements Held {
  readonly proxy: string;
  readonly server: string;
  readonly generation: number;
  readonly instance: Uint8Array;
  readonly loggingIn: boolean;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array, generation: number, row: PlayerRow, instance: Uint8Array) {
    this.proxy = row.player?.proxy ?? '';
    this.server = row.player?.server ?? '';
    this.generation = generation;
    this.instance = instance;
    this.loggingIn = row.loggingIn;
    this.#bytes = bytes;
  }

  get player(): Player {
    const player = PlayerRow.decode(this.#bytes).player ?? Player.create();
    return { ...player, generation: this.generation };
  }
}

/** What happens to players who are not online. No pattern matches it. */
const HIDDEN_TOPIC = 'kelpie.players';
const NO_EVENT = new Uint8Array();

type Change = (id: string, after: Held | undefined) => void;

export class PlayerTable extends Table<Held> {
  /** Whom a proxy holds, those who log in among them. */
  readonly byHolder = new Groups();
  /** Who is online on a proxy. */
  readonly byProxy = new Groups();
  /** Who is online on a server. */
  readonly byServer = new Groups();
  readonly #byName = new Groups();
  readonly #byUuid = new Groups();
  readonly #watchers = new Set<Change>();
  /** One for all players of a process. */
  readonly #instances = new Map<string, Uint8Array>();
  #online = 0;

  constructor() {
    super('players/', (bytes, sequence) => this.#keep(bytes, sequence));
    this.onChange = (id, before, after) => {
      if (before) this.#index(id, before.value, 'remove');
      if (after) this.#index(id, after.value, 'add');
      for (const watcher of this.#watchers) watcher(id, after?.value);
    };
  }

  #keep(bytes: Uint8Array, sequence: number): Held {
    const row = PlayerRow.decode(bytes);
    const generation = row.loggingIn ? sequence : (row.player?.generation ?? 0);
    const proxy = row.player?.proxy ?? '';
    const known = this.#instances.get(proxy);
    // Not a view into the bytes of one row.
    const instance =
      known && sameBytes(known, row.proxyInstanceId) ? known : row.proxyInstanceId.slice();
    this.#instances.set(proxy, instance);
    return new Kept(bytes, generation, row, instance);
  }

  #index(id: string, held: Held, how: 'add' | 'remove'): void {
    const { proxy, server, loggingIn } = held;
    this.byHolder[how](proxy, id);
    if (how === 'remove' && this.byHolder.get(proxy).size === 0) this.#instances.delete(proxy);
    if (loggingIn) return;
    const { player } = held;
    this.#online += how === 'add' ? 1 : -1;
    this.byProxy[how](proxy, id);
    if (server !== '') this.byServer[how](server, id);
    this.#byName[how](folded(player.name), id);
    if (player.uuid !== '') this.#byUuid[how](player.uuid, id);
  }

  /** Calls the watcher for each row that changes, while it is folded. */
  watch(watcher: Change): void {
    this.#watchers.add(watcher);
  }

  /** How many are online. */
  get online(): number {
    return this.#online;
  }

  /** A player who is online. Of several with one name or UUID, the one who joined last. */
  find({ $case, value }: NonNullable<PlayerLookup['by']>): Folded<Held> | undefined {
    const ids = {
      id: () => [value],
      xuid: () => [value],
      uuid: () => this.#byUuid.get(value.toLowerCase()),
      name: () => this.#byName.get(folded(value)),
    }[$case]();
    const found = [...ids].flatMap((id) => this.onlineOf(id) ?? []);
    return found.sort((left, right) => generationOf(right) - generationOf(left))[0];
  }

  /** The player's row if he is online. */
  onlineOf(id: string): Folded<Held> | undefined {
    const row = this.get(id);
    return row?.value.loggingIn ? undefined : row;
  }

  /** What a write must require that is made of the player's row as it is now. */
  seen(id: string): Requirement {
    return { key: this.keyOf(id), sequence: this.get(id)?.sequence ?? 0 };
  }

  topicOf(id: string): string {
    return topicOfKey(this.keyOf(id));
  }

  /** The entry that gives a player to a proxy for his login. Its sequence is his generation. */
  grantDraft(player: Player, instance: Uint8Array): Draft {
    const held = heldOf({ ...player, generation: 0 }, instance, true);
    const { id, proxy } = player;
    const place = { key: this.keyOf(id), value: encode(held), source: proxy };
    return { topic: HIDDEN_TOPIC, event: NO_EVENT, ...place };
  }

  /** The entry that tells what became of a player, and writes his row, or deletes it. */
  draft(before: Held, time: Date, body: NonNullable<Event['body']>, after: Held | null): Draft {
    const { id, proxy } = (after ?? before).player;
    // Who was not online does not leave for anybody but coordinators.
    const topic = after === null && before.loggingIn ? HIDDEN_TOPIC : this.topicOf(id);
    const event = { sequence: 0, topic, source: proxy, time, untrusted: false, body };
    return {
      topic,
      event: Event.encode(event).finish(),
      source: proxy,
      key: this.keyOf(id),
      value: after && encode(after),
    };
  }
}

function generationOf({ value }: Folded<Held>): number {
  return value.generation;
}

function encode({ player, instance: proxyInstanceId, loggingIn }: Held): Uint8Array {
  return PlayerRow.encode({ player, proxyInstanceId, loggingIn }).finish();
}
