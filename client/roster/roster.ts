/**
 * A live copy of the network's nodes, its routing rules and settings, and of its players if the options ask for them. The hooks of a proxy are
 * synchronous, so they need answers from memory, also while no coordinator is connected. The roster takes a Snapshot
 * and the events after it.
 */
import type { NodeLoad } from '../../gen/ts/kelpie/v1/node.js';
import type { Event } from '../../gen/ts/kelpie/v1/event.js';
import type { Player } from '../../gen/ts/kelpie/v1/player.js';
import { NetworkSettings } from '../../gen/ts/kelpie/v1/settings.js';
import type { NamedLoad } from '../../gen/ts/kelpie/v1/session_service.js';
import { GapReason, type Gap, type Row, Snapshot } from '../../gen/ts/kelpie/v1/stream.js';
import { type Cancel, type Clock, systemClock } from '../core/clock.js';
import { anyText, texts } from '../core/arguments.js';
import { type Node, nodeOf, wireNodeOf } from '../core/node.js';
import { type RoutingRule, rulesOf } from '../core/routing.js';
import { type RoleName, roleOf, roleNameOf } from '../core/spelling.js';
import { KelpieError, typed } from '../errors.js';
import type { PickedServer } from './pick.js';
import { type PlayerLookup, RosterPlayers } from './players.js';
import { type PickOptions, RosterRouting } from './routing.js';
import { Rows } from './rows.js';
import type { RosterView } from './view.js';

/** The kinds of rows that a roster has, and the listener of its changes. */
export interface RosterOptions {
  readonly players?: boolean;
  readonly onChange?: () => void;
  readonly clock?: Clock;
}

/** The queries are described in RosterView. */
export class Roster implements RosterView {
  /** The topics that the roster reads. */
  readonly topics: readonly string[];
  readonly #nodes: Rows<Node>;
  /** Loads by node name, only of nodes that have a row. */
  readonly #loads = new Map<string, NodeLoad>();
  readonly #players: RosterPlayers | undefined;
  readonly #routing: RosterRouting;
  readonly #settings: Rows<NetworkSettings>;
  readonly #clock: Clock;
  /** Rows of an older history, or of a file, are stale. The next complete Snapshot starts their grace time. */
  #hasStale = false;
  #sweep: Cancel | undefined;
  #complete = false;
  #loaded = (): void => undefined;
  /** Resolves when the first Snapshot is complete. */
  readonly loaded = new Promise<void>((resolve) => (this.#loaded = resolve));

  constructor({
    players = false,
    onChange = () => undefined,
    clock = systemClock,
  }: RosterOptions = {}) {
    this.#clock = clock;
    const both = ['routing', 'kelpie.settings'];
    this.topics = players ? ['nodes.*', 'players.*', ...both] : ['nodes.*', ...both];
    this.#players = players
      ? new RosterPlayers((before, after) => {
          this.#routing.playerChanged(before, after);
          onChange();
        })
      : undefined;
    this.#routing = new RosterRouting(this.#players, onChange, clock);
    this.#settings = new Rows<NetworkSettings>(() => 'settings', onChange);
    this.#nodes = new Rows<Node>(
      ({ name }) => name,
      (before, after) => {
        if (before && !after) this.#loads.delete(before.name);
        this.#routing.nodeChanged(before, after);
        onChange();
      },
    );
  }

  /** Whether a first Snapshot was complete. */
  get complete(): boolean {
    return this.#complete;
  }

  nodes(): Node[] {
    return this.#nodes.all();
  }

  node(name: string): Node | undefined {
    return this.#nodes.get(folded(name));
  }

  ready(role: RoleName, labels: Readonly<Record<string, string>> = {}): Node[] {
    const wantedRole = typed(() => roleNameOf(roleOf(role)));
    const wanted = typed(() => Object.entries(texts('labels', labels)));
    return this.nodes().filter(
      (node) =>
        node.role === wantedRole &&
        node.state === 'READY' &&
        wanted.every(([name, value]) => node.labels[name] === value),
    );
  }

  isStale(name: string): boolean {
    return this.#nodes.isStale(folded(name));
  }

  load(name: string): NodeLoad | undefined {
    return this.#loads.get(folded(name));
  }

  players(): Player[] {
    return this.#withPlayers().rows.all();
  }

  player(lookup: PlayerLookup): Player | undefined {
    return this.#withPlayers().find(lookup);
  }

  playerCount(place: { readonly proxy?: string; readonly server?: string } = {}): number {
    return this.#withPlayers().count(place);
  }

  #withPlayers(): RosterPlayers {
    if (this.#players) return this.#players;
    const message = 'this roster has no players; use connect({ roster: { players: true } })';
    throw new KelpieError('ROSTER_WITHOUT_PLAYERS', message, { permanent: true });
  }

  get routing(): readonly RoutingRule[] {
    return rulesOf(this.#routing.table);
  }

  get settings(): NetworkSettings {
    return this.#settings.all()[0] ?? NetworkSettings.create();
  }

  pick(options: PickOptions): PickedServer | undefined {
    this.#withPlayers();
    return this.#routing.pick(options);
  }

  /** This process has the player on this server now. Empty: on none; undefined: the player left this process. */
  own(id: string, server: string | undefined): void {
    if (this.#players) this.#routing.own(id, server);
  }

  applyLoads(loads: readonly NamedLoad[]): void {
    for (const { name, load, reservedSlots } of loads) {
      if (load && this.#nodes.get(name)) this.#loads.set(name, load);
      // Also of a node whose row has not come yet: the coordinator does not repeat the number.
      if (reservedSlots !== undefined) this.#routing.reserve(name, reservedSlots);
    }
  }

  /** Takes a part of a Snapshot. Unconfirmed rows of another history stay for `graceMs`. */
  applySnapshot(part: Snapshot, graceMs: number): void {
    if (part.cursor) for (const rows of this.#kinds()) rows.begin();
    for (const { sequence, resource } of part.rows)
      this.#take(resource, (rows, value) => rows.put(value, sequence));
    if (part.complete) this.#finish(graceMs);
  }

  #finish(graceMs: number): void {
    for (const rows of this.#kinds()) rows.complete();
    if (this.#hasStale) this.#sweep = this.#clock.after(graceMs, () => this.#dropStale());
    this.#hasStale = false;
    this.#complete = true;
    this.#loaded();
  }

  #kinds() {
    const always = [this.#nodes, this.#routing.rows, this.#settings];
    return this.#players ? [...always, this.#players.rows] : always;
  }

  #dropStale(): void {
    for (const rows of this.#kinds()) rows.dropStale();
  }

  /** Hands the resource to the rows of its kind. */
  #take(resource: Row['resource'], put: <T>(rows: Rows<T>, value: T) => void): void {
    switch (resource?.$case) {
      case 'node':
        return put(this.#nodes, nodeOf(resource.value));
      case 'player':
        return this.#players && put(this.#players.rows, resource.value);
      case 'routing':
        return put(this.#routing.rows, resource.value);
      case 'settings':
        return put(this.#settings, resource.value);
      default:
        return undefined;
    }
  }

  /** Takes an event if it is newer than the row. */
  applyEvent({ body, sequence }: Event): void {
    if (body?.$case === 'nodeLeft' || body?.$case === 'playerLeft')
      this.#take(resourceOf(body), (rows, value) => rows.leave(value, sequence));
    else this.#take(resourceOf(body), (rows, value) => rows.put(value, sequence));
  }

  applyGap({ reason }: Gap): void {
    if (reason === GapReason.TRIMMED) return;
    const isNewHistory = reason === GapReason.EPOCH_CHANGED;
    for (const rows of this.#kinds()) rows.outdate(isNewHistory);
    if (!isNewHistory) return;
    this.#routing.releaseAll();
    // Stale rows stay at least until the Snapshot of the new history is complete.
    this.#sweep?.();
    this.#hasStale = true;
  }

  /** The roster as bytes, for a file. */
  save(): Uint8Array {
    const rows: Row[] = [];
    for (const { sequence, value } of this.#nodes.rows()) {
      rows.push({ sequence, resource: { $case: 'node', value: wireNodeOf(value) } });
    }
    for (const { sequence, value } of this.#players?.rows.rows() ?? []) {
      rows.push({ sequence, resource: { $case: 'player', value } });
    }
    for (const { sequence, value } of this.#routing.rows.rows()) {
      rows.push({ sequence, resource: { $case: 'routing', value } });
    }
    for (const { sequence, value } of this.#settings.rows()) {
      rows.push({ sequence, resource: { $case: 'settings', value } });
    }
    const topics = [...this.topics];
    return Snapshot.encode({ cursor: undefined, topics, rows, complete: true }).finish();
  }

  /**
   * Takes the rows of a file. They answer until the first Snapshot; rows that it does not confirm stay for a grace time
   * more. Throws if the bytes are not complete.
   */
  restore(bytes: Uint8Array): void {
    const { rows, complete } = Snapshot.decode(bytes);
    // `complete` is the last field of the encoding.
    if (!complete) throw new Error(bytes.length === 0 ? 'it is empty' : 'its end is missing');
    for (const { resource } of rows) this.#take(resource, (kind, value) => kind.restore(value));
    this.#hasStale = true;
  }

  close(): void {
    this.#sweep?.();
  }
}

/** A node's name in lower case, as in the network. */
function folded(name: string): string {
  return anyText('the name of a node', name).toLowerCase();
}

/** The resource that an event is about. */
function resourceOf(body: Event['body']): Row['resource'] {
  switch (body?.$case) {
    case 'nodeJoined':
    case 'nodeUpdated':
    case 'nodeLeft':
      return body.value.node && { $case: 'node', value: body.value.node };
    case 'playerJoined':
    case 'playerMoved':
    case 'playerUpdated':
    case 'playerLeft':
      return body.value.player && { $case: 'player', value: body.value.player };
    case 'routingChanged':
      return body.value.table && { $case: 'routing', value: body.value.table };
    case 'settingsChanged':
      return body.value.settings && { $case: 'settings', value: body.value.settings };
    default:
      return undefined;
  }
}
