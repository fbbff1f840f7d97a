/** The exchange of a proxy with the coordinator about players: requests of both sides, and the digest in heartbeats. */
import type {
  PlayerEvicted,
  PlayerLatency,
  PresenceDigest,
} from '../../gen/ts/kelpie/v1/presence.js';
import type { NetworkSettings } from '../../gen/ts/kelpie/v1/settings.js';
import { invalid, shown, UINT32 } from '../core/arguments.js';
import type { Verified } from '../commands/commands.js';
import type { PlayerRef } from '../commands/refs.js';
import type { Clock } from '../core/clock.js';
import { playerLeaveReasonNameOf } from '../core/spelling.js';
import type { KelpieError } from '../errors.js';
import type { Link } from '../connection/link.js';
import { Away } from './away.js';
import { type OnServer, PlayerList } from './list.js';
import type { PlayersOptions } from './options.js';
import { ProxyPlayers } from './proxy-players.js';
import { PlayerReporting } from './reporting.js';

/** The most latencies of a Heartbeat. */
const LATENCIES = 10_000;
/** The most bytes of their ids, so that a Heartbeat fits in a message. The next one has the rest. */
const ID_BYTES = 256 * 1024;

/** The functions and settings that the players get from the client. */
export interface ProxySessionOptions {
  readonly clock: Clock;
  readonly players: PlayersOptions;
  /** The node's own name, if players join it directly and not through a proxy. */
  readonly ownServer?: string | undefined;
  /** The newest settings of the network that the client has. */
  readonly settings: () => NetworkSettings;
  readonly link: () => Link | undefined;
  readonly onServer: OnServer;
  readonly onRefused: (error: KelpieError) => void;
  /** A function of the options threw. */
  readonly onFailure: (name: string, error: unknown) => void;
}

export class ProxySession {
  readonly players: ProxyPlayers;
  readonly #options: ProxySessionOptions;
  readonly #list: PlayerList;
  readonly #reporting: PlayerReporting;
  /** The latencies that the coordinator has. */
  #latencies = new Map<string, number>();

  constructor(options: ProxySessionOptions) {
    this.#options = options;
    this.#list = new PlayerList(options.onServer);
    const { players, clock, link, onRefused, ownServer, settings } = options;
    const onEvicted = (evicted: PlayerEvicted): void => this.#evict(evicted);
    this.#reporting = new PlayerReporting({ clock, link, onRefused, onEvicted, list: this.#list });
    const list = this.#list;
    const away = new Away(players.whenAway, settings);
    this.players = new ProxyPlayers(players, clock, link, list, this.#reporting, away, ownServer);
  }

  /** The number of reports without an answer. */
  get pending(): number {
    return this.#reporting.pending;
  }

  /** A new stream is open: sends the list first. */
  restart(): void {
    this.#latencies = new Map();
    this.#reporting.sync();
  }

  /** The coordinator asked for the list. */
  sync(): void {
    this.#reporting.sync();
  }

  evicted(evicted: PlayerEvicted): void {
    this.#reporting.evicted(evicted);
  }

  #evict({ playerId: id, text, reason: number }: PlayerEvicted): void {
    const reason = playerLeaveReasonNameOf(number);
    this.#try('onEvicted', () => this.#options.players.onEvicted({ id, text, reason }));
  }

  /** Whether a player is in, or logs in, with this generation. */
  holds({ id, generation }: PlayerRef): boolean {
    const here = [this.#list.get(id), this.#list.login(id)];
    // 0: the generation is not received yet, and may be this one.
    return here.some((one) => one && (one.generation === generation || one.generation === 0));
  }

  /** Whether a player is really there. */
  async verify(player: PlayerRef): Promise<Verified> {
    const { verify } = this.#options.players;
    return verify && this.holds(player) ? verify(player.id) : { connected: false };
  }

  /** The part of a heartbeat that is about players. */
  heartbeat(): { presence: PresenceDigest | undefined; latencies: PlayerLatency[] } {
    return { presence: this.#reporting.digest(), latencies: this.#newLatencies() };
  }

  #newLatencies(): PlayerLatency[] {
    const { latencies } = this.#options.players;
    if (!latencies) return [];
    const before = this.#latencies;
    this.#latencies = new Map();
    const news: PlayerLatency[] = [];
    let bytes = 0;
    this.#try('latencies', () => {
      const odd: unknown[] = [];
      for (const [playerId, ms] of latencies()) {
        if (!this.#list.get(playerId)) continue;
        const latencyMs = latencyOf(ms);
        if (latencyMs === undefined) {
          odd.push(ms);
          continue;
        }
        const full = news.length === LATENCIES || bytes > ID_BYTES;
        if (before.get(playerId) !== latencyMs && full) continue;
        this.#latencies.set(playerId, latencyMs);
        if (before.get(playerId) === latencyMs) continue;
        news.push({ playerId, latencyMs });
        bytes += Buffer.byteLength(playerId);
      }
      // The other latencies are sent all the same.
      if (odd.length > 0)
        throw invalid(
          `${shown(odd[0])} is not a latency; a latency is a number of milliseconds`,
          'latencies',
        );
    });
    return news;
  }

  #try(name: string, work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#options.onFailure(name, error);
    }
  }

  close(): void {
    this.#reporting.close();
  }
}

/** A latency in the form of the wire; undefined for a value that is not a time. */
function latencyOf(ms: unknown): number | undefined {
  const rounded = typeof ms === 'number' ? Math.max(0, Math.round(ms)) : NaN;
  return rounded <= UINT32 ? rounded : undefined;
}
