/** The rows of players, with the indexes by which they are found, and what is stored in them. */
import { PlayerRow } from '../../gen/ts/kelpie/storage/v1/player_row.js';
import { Event } from '../../gen/ts/kelpie/v1/event.js';
import { Player, type PlayerLookup } from '../../gen/ts/kelpie/v1/player.js';
import { Groups } from '../core/groups.js';
import { topicOfKey } from '../core/topic.js';
import type { Draft, Requirement } from '../journal/journal.js';
import { folded } from './player-facts.js';
import { type Folded, Table } from './table.js';

/** A player, and the process that holds him. */
export interface Held {
  readonly player: Player;
  readonly instance: Uint8Array;
  /** Granted, and not joined: not online. */
  readonly loggingIn: boolean;
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
  #online = 0;

  constructor() {
    super('players/', decode);
    this.onChange = (id, before, after) => {
      if (before) this.#index(id, before.value, 'remove');
      if (after) this.#index(id, after.value, 'add');
      for (const watcher of this.#watchers) watcher(id, after?.value);
    };
  }

  #index(id: string, { player, loggingIn }: Held, how: 'add' | 'remove'): void {
    this.byHolder[how](player.proxy, id);
    if (loggingIn) return;
    this.#online += how === 'add' ? 1 : -1;
    this.byProxy[how](player.proxy, id);
    if (player.server !== '') this.byServer[how](player.server, id);
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
    const held = { player: { ...player, generation: 0 }, instance, loggingIn: true };
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
  return value.player.generation;
}

function encode({ player, instance: proxyInstanceId, loggingIn }: Held): Uint8Array {
  return PlayerRow.encode({ player, proxyInstanceId, loggingIn }).finish();
}

function decode(bytes: Uint8Array, sequence: number): Held {
  const { player, proxyInstanceId: instance, loggingIn } = PlayerRow.decode(bytes);
  const known = player ?? Player.create();
  return {
    player: loggingIn ? { ...known, generation: sequence } : known,
    instance,
    loggingIn,
  };
}
