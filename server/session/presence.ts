/**
 * The players of one proxy's session. What it says of them is written in the order in which it said it;
 * a login that waits for another proxy's word holds up nothing else.
 */
import { NodeRole } from '../../gen/ts/kelpie/v1/node.js';
import { Player } from '../../gen/ts/kelpie/v1/player.js';
import type {
  AcquirePlayer,
  PlayerAcquired,
  PlayerLatency,
  PlayerReportResult,
  PresenceDigest,
  ReleasePlayer,
  ReportPlayers,
  SyncPlayers,
} from '../../gen/ts/kelpie/v1/presence.js';
import { sameBytes } from '../core/cursor.js';
import { KelpieError } from '../core/errors.js';
import { digestOf } from '../domain/presence-digest.js';
import { report, type Reported } from '../domain/player-reporting.js';
import { sync } from '../domain/player-sync.js';
import { type Acquired, type Holder, isOwn, staleLogin } from '../domain/players.js';
import { type Frame, wireError } from './frames.js';
import { Gate } from './gate.js';
import type { Hub } from './hub.js';

const REPORTS = 256;
const PART_PLAYERS = 1000;
const LATENCIES = 10_000;
/** Digests in a row that differ before the list is asked for; doubled each time that did not help. */
const MISMATCHES = 2;
const MOST_MISMATCHES = 64;
/** Writes under way, above which the session is not read. */
const WRITES = 32;
const LOGINS = 1000;

/**
 * An answer, made when it is sent: a player may be given away while it is on its way there, and what
 * tells of that must not come before what tells of the grant.
 */
type Answer = () => Frame;

export class Presence {
  readonly #hub: Hub;
  readonly #holder: Holder;
  #latencies = new Map<string, number>();
  /** What is said of players is written one after the other. */
  #written: Promise<unknown> = Promise.resolve();
  #unsettled = 0;
  #writes = 0;
  readonly #room = new Gate();
  #mismatches = 0;
  #patience = MISMATCHES;

  constructor(hub: Hub, holder: Holder) {
    this.#hub = hub;
    this.#holder = holder;
  }

  /** Throws what AcquirePlayer names. */
  async acquire({ player = Player.create(), policy }: AcquirePlayer): Promise<Answer> {
    this.#checkProxy();
    if (this.#unsettled - this.#writes >= LOGINS) throw loginLimit();
    const { players, verify } = this.#hub;
    // What was said before of the same player comes first.
    await this.#written.catch(() => undefined);
    const acquired = await this.#settling(() =>
      players.acquire(this.#holder, player, policy, verify),
    );
    return () => ({ $case: 'playerAcquired', value: this.#acquired(acquired, player) });
  }

  #acquired(acquired: Acquired, said: Player): PlayerAcquired {
    if (acquired.kind === 'denied') return deniedTo(said, acquired.holder);
    const { id, generation } = acquired;
    if (this.#holds(id, generation)) {
      return { playerId: id, outcome: { $case: 'generation', value: generation } };
    }
    const holder = this.#hub.network.players.get(id)?.value.player;
    return deniedTo(said, holder ?? { id, proxy: '' });
  }

  /** Whether nobody else was given the player since. */
  #holds(id: string, generation: number): boolean {
    const held = this.#hub.network.players.get(id)?.value;
    return held?.generation === generation && isOwn(this.#holder, held);
  }

  /** Throws PLAYER_NOT_FOUND or STALE_GENERATION. */
  async release({ playerId, generation }: ReleasePlayer): Promise<void> {
    return this.#inOrder(() => this.#hub.players.release(this.#holder, playerId, generation));
  }

  /** Throws BATCH_INVALID or STALE_GENERATION. */
  async report({ reports }: ReportPlayers): Promise<() => PlayerReportResult[]> {
    checkCount('reports', reports.length, 1, REPORTS);
    const { players, network } = this.#hub;
    const results = await this.#inOrder(() => report(players, network, this.#holder, reports));
    // Who left by one of these reports was given to nobody.
    const left = new Set(results.filter(isEnd).map(({ id }) => id));
    return () => results.map((result) => (left.has(result.id) ? wire(result) : this.#now(result)));
  }

  /** Throws BATCH_INVALID, STALE_GENERATION or OUTCOME_UNKNOWN. */
  async sync(part: SyncPlayers): Promise<Answer> {
    checkCount('players', part.players.length, 0, PART_PLAYERS);
    const { network } = this.#hub;
    const { results, kicked } = await this.#inOrder(() => sync(network, this.#holder, part));
    return () => {
      const gone = results.filter((result) => this.#isGone(result)).map(({ id }) => id);
      const there = results.filter((result) => !this.#isGone(result));
      const value = { results: there.map(wire), kickedPlayerIds: [...kicked, ...gone] };
      return { $case: 'playersSynced', value };
    };
  }

  #isGone({ id, generation }: Reported): boolean {
    return generation > 0 && !this.#holds(id, generation);
  }

  #now(result: Reported): PlayerReportResult {
    if (!this.#isGone(result)) return wire(result);
    return wire({ id: result.id, generation: 0, error: staleLogin(result.id) });
  }

  /** Resolves when fewer writes are under way; undefined if they are few. Logins do not count. */
  room(): Promise<void> | undefined {
    return this.#writes >= WRITES ? this.#room.wait() : undefined;
  }

  #inOrder<T>(work: () => Promise<T>): Promise<T> {
    this.#checkProxy();
    this.#writes += 1;
    const done = this.#settling(() => this.#written.then(work)).finally(() => {
      this.#writes -= 1;
      this.#room.open();
    });
    this.#written = done.catch(() => undefined);
    return done;
  }

  #checkProxy(): void {
    const node = this.#hub.network.tables.nodes.get(this.#holder.name)?.value;
    if (node?.role === NodeRole.PROXY) return;
    throw new KelpieError('ROLE_NOT_PROXY', 'only proxies hold players');
  }

  async #settling<T>(work: () => Promise<T>): Promise<T> {
    this.#unsettled += 1;
    try {
      return await work();
    } finally {
      this.#unsettled -= 1;
    }
  }

  /**
   * Compares a digest with the table, unless something is under way that would explain a difference.
   * True: the list is wanted.
   */
  differs({ players: count, digest }: PresenceDigest): boolean {
    if (this.#unsettled > 0) return false;
    const { players } = this.#hub.network;
    const ids = players.byProxy.get(this.#holder.name);
    const held = [...ids].map((id) => {
      const { generation = 0, server = '' } = players.get(id)?.value ?? {};
      return { id, generation, server };
    });
    if (ids.size === count && sameBytes(digest, digestOf(held))) {
      this.#mismatches = 0;
      this.#patience = MISMATCHES;
      return false;
    }
    this.#hub.observer.presenceDiffers();
    if (++this.#mismatches < this.#patience) return false;
    this.#mismatches = 0;
    this.#patience = Math.min(2 * this.#patience, MOST_MISMATCHES);
    return true;
  }

  /** Takes latencies of this proxy's own players. */
  latencies(told: readonly PlayerLatency[]): void {
    const mine = this.#hub.network.players.byProxy.get(this.#holder.name);
    for (const { playerId, latencyMs } of told.slice(0, LATENCIES)) {
      if (mine.has(playerId)) this.#latencies.set(playerId, latencyMs);
    }
    if (this.#latencies.size <= mine.size) return;
    // Of those who have left.
    this.#latencies = new Map([...this.#latencies].filter(([id]) => mine.has(id)));
  }

  latencyOf(id: string): number | undefined {
    return this.#latencies.get(id);
  }
}

function isEnd({ generation, error }: Reported): boolean {
  return generation === 0 && !error;
}

function wire({ id: playerId, generation, error }: Reported): PlayerReportResult {
  return { playerId, generation, error: error && wireError(error) };
}

function deniedTo(said: Player, holder: Pick<Player, 'id' | 'proxy'>): PlayerAcquired {
  const text = `${said.name} is already on this network.`;
  const value = { text, proxy: holder.proxy };
  return { playerId: holder.id, outcome: { $case: 'denial', value } };
}

function loginLimit(): KelpieError {
  const message = `${LOGINS} logins of this proxy are under way; no more fit`;
  return new KelpieError(
    'COMMAND_LIMIT',
    message,
    { limit: String(LOGINS) },
    { retryAfterMs: 1000 },
  );
}

function checkCount(what: string, count: number, least: number, most: number): void {
  if (count >= least && count <= most) return;
  throw new KelpieError('BATCH_INVALID', `a frame has ${least} to ${most} ${what}, not ${count}`, {
    [what]: String(count),
    limit: String(most),
  });
}
