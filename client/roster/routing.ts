/** The routing rules of a roster, and the picks by them. */
import { FallbackReason, RoutingOccasion, RoutingTable } from '../../gen/ts/kelpie/v1/routing.js';
import type { Player } from '../../gen/ts/kelpie/v1/player.js';
import { anyText, object, oneOf, texts } from '../core/arguments.js';
import { type Fields, known } from '../core/known.js';
import type { Clock } from '../core/clock.js';
import type { Node } from '../core/node.js';
import { fallbackReasonOf, type FallbackReasonName } from '../core/spelling.js';
import { typed } from '../errors.js';
import { LastServers } from './last-servers.js';
import { type Need, type PickedServer, Rules } from './pick.js';
import type { RosterPlayers } from './players.js';
import { RecentPicks } from './recent-picks.js';
import { Rows } from './rows.js';
import { RosterServers } from './servers.js';

/** A player who needs a server. `roster.pick` finds more facts of a player who is online. */
export interface PickPlayer {
  readonly id?: string;
  readonly xuid?: string;
  readonly uuid?: string;
  readonly name?: string;
  /** Default: the properties that the roster has of the player. */
  readonly properties?: Readonly<Record<string, string>>;
}

/** The player who needs a server, and the occasion. */
export interface PickOptions {
  /** `join`: the player joins the network. `fallback`: they lose their server. */
  readonly for: 'join' | 'fallback';
  readonly player?: PickPlayer;
  /** The host name that the player connected to. */
  readonly host?: string;
  /** The reason of a fallback. Default: no reason is known. */
  readonly reason?: FallbackReasonName;
  /** The server that the player comes from. Default for a fallback: their server in the roster. */
  readonly fromServer?: string;
  /** The server that the player was on last, for STICKY. Default: the server that the roster saw them leave last. */
  readonly lastServer?: string;
}

type PlayerFacts = Pick<Player, 'id' | 'properties' | 'server'>;

const OCCASIONS = { join: RoutingOccasion.JOIN, fallback: RoutingOccasion.FALLBACK };
const OPTIONS: Fields<PickOptions> = {
  for: 1,
  player: 1,
  host: 1,
  reason: 1,
  fromServer: 1,
  lastServer: 1,
};
const UINT32 = 2 ** 32;

export class RosterRouting {
  readonly rows: Rows<RoutingTable>;
  readonly #players: RosterPlayers | undefined;
  readonly #servers: RosterServers;
  readonly #lastServers = new LastServers();
  readonly #picks: RecentPicks;
  readonly #turns = new Map<string, number>();
  /** Undefined after a change of the rules, or of the servers that they may select. */
  #rules: Rules | undefined;

  constructor(players: RosterPlayers | undefined, onChange: () => void, clock: Clock) {
    this.#players = players;
    this.#picks = new RecentPicks({
      clock,
      shown: (id) => players?.rows.get(id)?.server ?? '',
      onChange: (name) => this.#servers.count(name),
    });
    const playersOn = (name: string): number =>
      (players?.onServer(name) ?? 0) + this.#picks.onServer(name);
    this.#servers = new RosterServers(playersOn, () => (this.#rules = undefined));
    this.rows = new Rows<RoutingTable>(
      () => 'routing',
      () => {
        this.#rules = undefined;
        const names = new Set(this.table.rules.map(({ name }) => name));
        for (const name of this.#turns.keys()) if (!names.has(name)) this.#turns.delete(name);
        onChange();
      },
    );
  }

  get table(): RoutingTable {
    return this.rows.all()[0] ?? RoutingTable.create();
  }

  nodeChanged(before: Node | undefined, after: Node | undefined): void {
    const name = (after ?? before)?.name;
    if (name === undefined) return;
    // Another process of the node begins without reservations.
    const isOther = before && after && Buffer.compare(before.instanceId, after.instanceId) !== 0;
    if (isOther) this.#servers.reserve(name, 0);
    this.#servers.take(name, after);
  }

  playerChanged(before: Player | undefined, after: Player | undefined): void {
    if (before && !after) this.#picks.gone(before.id);
    if (before?.server === after?.server) return;
    if (before && before.server !== '') {
      this.#servers.count(before.server);
      this.#lastServers.left(before.id, before.server);
    }
    if (after) this.#shown(after);
  }

  /** The roster shows the player on another server, or on none. */
  #shown({ id, server }: Player): void {
    if (server !== '') {
      this.#servers.count(server);
      this.#picks.end(id);
    }
    this.#picks.settle(id);
  }

  /** This process has the player on this server now. Empty: on none; undefined: the player left this process. */
  own(id: string, server: string | undefined): void {
    this.#picks.own(id, server);
  }

  /** Takes the number of slots that reservations hold on a server. */
  reserve(name: string, slots: number): void {
    this.#servers.reserve(name, slots);
  }

  /** A new history has none of the reservations. */
  releaseAll(): void {
    this.#servers.releaseAll();
  }

  /** See `RosterView.pick`. */
  pick(given: PickOptions): PickedServer | undefined {
    const { need, player } = typed(() => this.#needOf(known('the options', given, OPTIONS)));
    this.#picks.expire();
    this.#picks.end(player.id);
    this.#rules ??= new Rules(this.table, this.#servers.all());
    const picked = this.#rules.pick(need);
    if (picked) this.#turns.set(picked.rule, this.#turnsOf(picked.rule) + 1);
    // The roster counts a player who is on that server already.
    const isComing = picked && player.id !== '' && player.server !== picked.server;
    if (isComing) this.#picks.add(player.id, picked.server);
    else this.#picks.settle(player.id);
    return picked;
  }

  readonly #turnsOf = (rule: string): number => this.#turns.get(rule) ?? 0;

  #needOf(options: PickOptions): { readonly need: Need; readonly player: PlayerFacts } {
    const { host = '', reason, fromServer, lastServer } = options;
    const occasion = OCCASIONS[oneOf<keyof typeof OCCASIONS>('for', options.for, OCCASIONS)];
    const player = this.#factsOf(options.player);
    const { id, properties, server } = player;
    const left = occasion === RoutingOccasion.FALLBACK ? server : '';
    const need = {
      occasion,
      reason: reason === undefined ? FallbackReason.UNSPECIFIED : fallbackReasonOf(reason),
      host: anyText('host', host),
      properties,
      from: anyText('fromServer', fromServer ?? left).toLowerCase(),
      lastServer: anyText('lastServer', lastServer ?? this.#lastServers.of(id)).toLowerCase(),
      random: Math.floor(Math.random() * UINT32),
      turns: this.#turnsOf,
    };
    return { need, player };
  }

  /** The facts of a player: those of the caller, else those of the roster. */
  #factsOf(given: PickPlayer = {}): PlayerFacts {
    object('player', given);
    const id = idOf(given);
    const online = this.#onlineOf(id, given);
    const { properties = online?.properties ?? {} } = given;
    const { id: onlineId = id, server = '' } = online ?? {};
    return { id: onlineId, server, properties: texts('player.properties', properties) };
  }

  #onlineOf(id: string, { name }: PickPlayer): Player | undefined {
    if (id !== '') return this.#players?.rows.get(id);
    return name === undefined ? undefined : this.#players?.find({ name });
  }
}

/** The player's id: the XUID, or the UUID of a player without one. Empty: not given. */
function idOf({ id, xuid, uuid }: PickPlayer): string {
  const [given = ''] = [id, xuid === '0' ? '' : xuid, uuid].filter((one) => one);
  return anyText('player', given).toLowerCase();
}
