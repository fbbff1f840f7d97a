/** The rows of players, with the indexes by which they are found, and what is stored in them. */
import { PlayerRow as StoredPlayerRow } from '../../gen/ts/kelpie/storage/v1/player_row.js';
import { Event } from '../../gen/ts/kelpie/v1/event.js';
import { Player, type PlayerLookup } from '../../gen/ts/kelpie/v1/player.js';
import type { TransferTicket } from '../../gen/ts/kelpie/v1/presence.js';
import { sameBytes } from '../core/cursor.js';
import type { Draft, Requirement } from '../journal/journal.js';
import { type ChangedByOthers, NOTHING } from './others.js';
import { PlayerIndex } from './player-index.js';
import { TicketRows } from './ticket-rows.js';
import type { Table } from '../network/table.js';
import type { Tables } from '../network/tables.js';

/** A player, and the process that holds them. */
export interface PlayerRow extends Pick<Player, 'proxy' | 'server' | 'generation'> {
  /** All that is known of them; decoded each time. */
  readonly player: Player;
  readonly instance: Uint8Array;
  /** Granted, and not joined: not online. */
  readonly loggingIn: boolean;
  /** Bytes of the row. */
  readonly bytes: number;
  /** Bytes of the player's context, among them. */
  readonly contextBytes: number;
  /** The facts that nodes other than the holder changed. Each read decodes them. */
  readonly others: ChangedByOthers;
  /** The ticket that the grant redeemed, while the player logs in. Each read decodes it. */
  readonly ticket: TransferTicket | undefined;
}

/** Makes the row of a player who is online, for a write. */
export function newRow(
  player: Player,
  proxyInstanceId: Uint8Array,
  others: ChangedByOthers = NOTHING,
): NewPlayerRow {
  const { proxy, server, generation, context } = player;
  const row = StoredPlayerRow.encode({
    ...{ player, proxyInstanceId, loggingIn: false, ticket: undefined },
    propertiesOfOthers: [...others.properties],
    contextOfOthers: others.context,
    languageOfOthers: others.language,
  }).finish();
  const bytes = row.length;
  const facts = { proxy, server, generation, player, bytes, contextBytes: context.length, others };
  return { ...facts, instance: proxyInstanceId, loggingIn: false, ticket: undefined, row };
}

/** A player's row for a write, with its bytes. */
export interface NewPlayerRow extends PlayerRow {
  readonly row: Uint8Array;
}

/** A player's row in memory: its bytes, which the journal also has, and the decoded fields of indexes and checks. */
class EncodedPlayerRow implements PlayerRow {
  readonly proxy: string;
  readonly server: string;
  readonly generation: number;
  readonly instance: Uint8Array;
  readonly loggingIn: boolean;
  readonly contextBytes: number;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array, generation: number, row: StoredPlayerRow, instance: Uint8Array) {
    this.proxy = row.player?.proxy ?? '';
    this.server = row.player?.server ?? '';
    this.generation = generation;
    this.instance = instance;
    this.loggingIn = row.loggingIn;
    this.contextBytes = row.player?.context.length ?? 0;
    this.#bytes = bytes;
  }

  get bytes(): number {
    return this.#bytes.length;
  }

  get player(): Player {
    const player = StoredPlayerRow.decode(this.#bytes).player ?? Player.create();
    return { ...player, generation: this.generation };
  }

  get others(): ChangedByOthers {
    const row = StoredPlayerRow.decode(this.#bytes);
    const { propertiesOfOthers: properties, contextOfOthers, languageOfOthers } = row;
    return { properties, context: contextOfOthers, language: languageOfOthers };
  }

  get ticket(): TransferTicket | undefined {
    return this.loggingIn ? StoredPlayerRow.decode(this.#bytes).ticket : undefined;
  }
}

/** The topic of entries about players that are no events for readers. No pattern matches it. */
const HIDDEN_TOPIC = 'kelpie.players';
const NO_EVENT = new Uint8Array();

export class PlayerRows {
  readonly index = new PlayerIndex();
  /** Players on the way to another proxy. */
  readonly tickets: TicketRows;
  readonly ownedBy = this.index.ownedBy;
  readonly byProxy = this.index.byProxy;
  readonly byServer = this.index.byServer;
  readonly #table: Table<PlayerRow>;
  /** By proxy. All players of one process share these bytes. */
  readonly #instances = new Map<string, Uint8Array>();

  constructor(tables: Pick<Tables, 'table'>) {
    this.tickets = new TicketRows(tables);
    this.#table = tables.table('players/', {
      decode: (bytes, sequence) => this.#decode(bytes, sequence),
      resource: (row) => (row.loggingIn ? undefined : { $case: 'player', value: row.player }),
    });
    this.#table.watch((id, before, after) => {
      if (before) this.index.remove(id, before.value);
      if (after) this.index.add(id, after.value);
      // The proxy holds no players any more.
      const proxy = (after ?? before)?.value.proxy ?? '';
      if (this.ownedBy.sizeOf(proxy) === 0) this.#instances.delete(proxy);
    });
  }

  #decode(bytes: Uint8Array, sequence: number): PlayerRow {
    const row = StoredPlayerRow.decode(bytes);
    const generation = row.loggingIn ? sequence : (row.player?.generation ?? 0);
    const proxy = row.player?.proxy ?? '';
    const known = this.#instances.get(proxy);
    // A copy: a view would keep all bytes of this row in memory.
    const instance =
      known && sameBytes(known, row.proxyInstanceId) ? known : row.proxyInstanceId.slice();
    this.#instances.set(proxy, instance);
    return new EncodedPlayerRow(bytes, generation, row, instance);
  }

  /** Calls the watcher for each row that changes, after the indexes have the change. */
  watch(
    watcher: (id: string, after: PlayerRow | undefined, before: PlayerRow | undefined) => void,
  ): void {
    this.#table.watch((id, before, after) => watcher(id, after?.value, before?.value));
  }

  /** The player's row, also while the player logs in. */
  get(id: string): PlayerRow | undefined {
    return this.#table.get(id)?.value;
  }

  /** The player's row, if the player is online. */
  onlineOf(id: string): PlayerRow | undefined {
    const row = this.get(id);
    return row?.loggingIn ? undefined : row;
  }

  /** A live iteration over all rows. */
  *entries(): Generator<[string, PlayerRow]> {
    for (const [id, { value }] of this.#table.entries()) yield [id, value];
  }

  /** The ids of rows, in order. */
  get names(): Table<PlayerRow>['names'] {
    return this.#table.names;
  }

  get size(): number {
    return this.#table.size;
  }

  /** The player's id in a row's key; undefined for a key of another kind. */
  idIn(key: string | undefined): string | undefined {
    return this.#table.nameIn(key);
  }

  /** How many players are online. */
  get online(): number {
    return this.index.online;
  }

  /**
   * The players online who match a lookup. Names match in any case, but an exact match wins. Several players
   * remain if the name is ambiguous.
   */
  find(by: NonNullable<PlayerLookup['by']>): PlayerRow[] {
    const found: PlayerRow[] = [];
    for (const id of this.index.idsOf(by)) {
      const row = this.onlineOf(id);
      if (row) found.push(row);
    }
    if (by.$case !== 'name' || found.length < 2) return found;
    const exact = found.filter(({ player }) => player.name === by.value);
    return exact.length > 0 ? exact : found;
  }

  /** The requirement of a write that depends on the player's row: the row is still as it is now. */
  seen(id: string): Requirement {
    return this.#table.seen(id);
  }

  /**
   * The entry that gives a player to a proxy for their login. Its sequence is the player's generation. `ticket`: the
   * ticket that this login redeems.
   */
  grantDraft(player: Player, proxyInstanceId: Uint8Array, ticket?: TransferTicket): Draft {
    const granted = { player: { ...player, generation: 0 }, proxyInstanceId, loggingIn: true };
    const row = StoredPlayerRow.create({ ...granted, ticket });
    const value = StoredPlayerRow.encode(row).finish();
    const { id, proxy } = player;
    const place = { key: this.#table.keyOf(id), value, source: proxy };
    return { topic: HIDDEN_TOPIC, event: NO_EVENT, ...place };
  }

  /**
   * The entry with an event about a player, which also writes or deletes the player's row. `by`: the node that
   * changed the player, if another node holds them. Without a body, readers get no event.
   */
  draft(
    before: PlayerRow,
    time: Date,
    body: Event['body'],
    after: NewPlayerRow | null,
    by?: string,
  ): Draft {
    const { id, proxy } = (after ?? before).player;
    const source = by ?? proxy;
    // A player who never was online has no PlayerLeft for readers; only coordinators read this entry.
    const hidden = !body || (after === null && before.loggingIn);
    const topic = hidden ? HIDDEN_TOPIC : this.#table.topicOf(id);
    const event = { sequence: 0, topic, source, time, body };
    return {
      topic,
      event: body ? Event.encode(event).finish() : NO_EVENT,
      source,
      key: this.#table.keyOf(id),
      value: after?.row ?? null,
    };
  }
}
