/**
 * The requests of a proxy about its players. The coordinator writes reports of players in the order
 * in which the proxy sent them. A login that waits for another proxy's answer holds up nothing else.
 */
import { NodeRole } from '../../gen/ts/kelpie/v1/node.js';
import { Player } from '../../gen/ts/kelpie/v1/player.js';
import {
  type AcquirePlayer,
  type PlayerAcquired,
  type PlayerLatency,
  PlayerReport,
  type PlayerReportResult,
  type PresenceDigest,
  type ReleasePlayer,
  type ReportPlayers,
  type SyncPlayers,
  UpdatePlayer,
} from '../../gen/ts/kelpie/v1/presence.js';
import type { Access } from '../access/access.js';
import { checkUpdateOfOther } from '../access/table.js';
import { KelpieError } from '../core/errors.js';
import { othersTurn } from '../core/fair-turn.js';
import { weightOf } from '../players/player.js';
import { report, type Reported } from '../players/report-batch.js';
import { sync } from '../players/sync.js';
import { type CheckOther, updatePlayer } from '../players/updates.js';
import { type ProxySession, holds, staleLogin } from '../players/proxy-session.js';
import type { Acquired } from '../players/ownership.js';
import { DigestWatch } from '../players/digest-watch.js';
import { type Frame, wireError } from '../delivery/frames.js';
import { Latch } from '../core/latch.js';
import type { PlayerWriter } from '../players/writer.js';
import { maintenanceDenial, onlineDenial } from './denials.js';
import { Resync } from './resync.js';
import type { SessionServices } from './services.js';

const REPORTS = 256;
const PART_PLAYERS = 1000;
const LATENCIES = 10_000;
/**
 * Bytes of writes under way, above which the coordinator stops reading the session. Much, because it then reads
 * neither heartbeats nor replies of the proxy.
 */
const WRITE_BYTES = 4 * 1024 * 1024;
/** About the memory of a frame or a player beside its bytes. */
const OVERHEAD_BYTES = 256;
/** Logins under way, above which the coordinator refuses more. */
const LOGINS = 1000;
const LOGIN_BYTES = 8 * 1024 * 1024;

/**
 * An answer that is made when it is sent: the player may be evicted before that, and the frame of the eviction
 * must not come before the frame of the grant.
 */
type Answer = () => Frame;

/** The services that a proxy's requests use. */
type ProxyServices = Pick<
  SessionServices,
  | 'network'
  | 'clock'
  | 'nodeRows'
  | 'playerWriter'
  | 'ownership'
  | 'verify'
  | 'observer'
  | 'onFault'
>;

export class ProxyRequests {
  readonly #services: ProxyServices;
  readonly #writer: PlayerWriter;
  readonly #session: ProxySession;
  readonly #access: Access;
  #latencies = new Map<string, number>();
  /** Reports of players are written one after the other. */
  #written: Promise<unknown> = Promise.resolve();
  /** Writes under way, from the moment in which the frame is taken. */
  #writes = 0;
  #writeBytes = 0;
  #logins = 0;
  #loginBytes = 0;
  readonly #room = new Latch();
  readonly #digests: DigestWatch;
  readonly #resync: Resync;
  readonly #onWanted: () => void;

  /** Calls `onWanted` if the coordinator wants the proxy's list. */
  constructor(
    services: ProxyServices,
    session: ProxySession & { readonly access: Access },
    onWanted: () => void,
  ) {
    const { playerWriter, observer, onFault } = services;
    this.#services = services;
    this.#writer = playerWriter;
    this.#session = session;
    this.#access = session.access;
    this.#onWanted = onWanted;
    this.#resync = new Resync(services.network, services.clock, onWanted);
    this.#digests = new DigestWatch(
      playerWriter,
      session.name,
      () => observer.presenceDiffers(),
      onFault,
    );
  }

  /** Throws the errors that the contract lists at AcquirePlayer. */
  async acquire({ player = Player.create(), policy }: AcquirePlayer): Promise<Answer> {
    this.#checkRole();
    const bytes = weightOf(player);
    if (this.#logins >= LOGINS) throw loginLimit(LOGINS, 'logins');
    if (this.#loginBytes + bytes > LOGIN_BYTES) throw loginLimit(LOGIN_BYTES, 'bytes of logins');
    this.#logins += 1;
    this.#loginBytes += bytes;
    try {
      const { ownership, verify } = this.#services;
      // Earlier reports of the same player come first.
      await this.#written.catch(() => undefined);
      const acquired = await ownership.acquire(this.#session, player, policy, verify);
      return () => ({ $case: 'playerAcquired', value: this.#acquired(acquired, player) });
    } finally {
      this.#logins -= 1;
      this.#loginBytes -= bytes;
    }
  }

  #acquired(acquired: Acquired, player: Player): PlayerAcquired {
    if (acquired.kind === 'denied') return onlineDenial(player, acquired.present.proxy);
    if (acquired.kind === 'maintenance') return maintenanceDenial(player, acquired.text);
    const { id, generation } = acquired;
    const row = this.#writer.rows.get(id);
    if (row && this.#holds(id, generation)) {
      const outcome = { $case: 'generation', value: generation } as const;
      return { playerId: id, outcome, ticket: row.ticket };
    }
    return onlineDenial(player, row?.proxy ?? '');
  }

  /** Whether the player still is this session's. */
  #holds(id: string, generation: number): boolean {
    const row = this.#writer.rows.get(id);
    return row?.generation === generation && holds(this.#session, row);
  }

  /** Throws PLAYER_NOT_FOUND or STALE_GENERATION. */
  async release({ playerId, generation }: ReleasePlayer): Promise<void> {
    this.#checkRole();
    return this.#inOrder(playerId.length, () =>
      this.#services.ownership.release(this.#session, playerId, generation),
    );
  }

  /** Throws BATCH_INVALID or STALE_GENERATION. */
  async report({ reports }: ReportPlayers): Promise<() => PlayerReportResult[]> {
    this.#checkRole();
    checkCount('reports', reports.length, 1, REPORTS);
    const bytes = sum(reports.map(weightOfReport));
    const results = await this.#resync.follow(
      this.#inOrder(bytes, () => report(this.#writer, this.#session, reports)),
    );
    for (const { error } of results) this.#resync.failed(error);
    // Players that left by one of these reports were given to nobody.
    const left = new Set(results.filter(isEnd).map(({ id }) => id));
    return () => results.map((result) => (left.has(result.id) ? wire(result) : this.#now(result)));
  }

  /** Throws BATCH_INVALID, STALE_GENERATION or OUTCOME_UNKNOWN. */
  async sync(part: SyncPlayers): Promise<Answer> {
    this.#checkRole();
    checkCount('players', part.players.length, 0, PART_PLAYERS);
    const receivedMs = this.#writer.clock.wall();
    const bytes = sum(part.players.map((player) => weightOf(player) + OVERHEAD_BYTES));
    const { results, kicked } = await this.#resync.follow(
      this.#inOrder(bytes, async () => {
        const settledUpTo = await this.#resync.settledUpTo();
        return sync(this.#writer, this.#session, { part, receivedMs, settledUpTo });
      }),
    );
    return () => {
      const gone = results.filter((result) => this.#isGone(result)).map(({ id }) => id);
      const there = results.filter((result) => !this.#isGone(result));
      const value = { results: there.map(wire), kickedPlayerIds: [...kicked, ...gone] };
      return { $case: 'playersSynced', value };
    };
  }

  /** A node's change of a player. Throws what UpdatePlayer names. */
  async update(request: UpdatePlayer): Promise<void> {
    const bytes = UpdatePlayer.encode(request).finish().length;
    const checkOther: CheckOther = (...player) => checkUpdateOfOther(...player, this.#access);
    return this.#inOrder(bytes, () =>
      updatePlayer(this.#writer, this.#session, request, checkOther),
    );
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
    return this.#writeBytes >= WRITE_BYTES ? this.#room.wait() : undefined;
  }

  #inOrder<T>(bytes: number, work: () => Promise<T>): Promise<T> {
    const weight = bytes + OVERHEAD_BYTES;
    this.#writes += 1;
    this.#writeBytes += weight;
    const done = this.#written.then(work).finally(() => {
      this.#writes -= 1;
      this.#writeBytes -= weight;
      this.#room.open();
    });
    // However many writes wait, everybody else has a turn after each.
    const next = (): unknown => (this.#writes > 0 ? othersTurn() : undefined);
    this.#written = done.then(next, next);
    return done;
  }

  #checkRole(): void {
    const node = this.#services.nodeRows.nodes.get(this.#session.name)?.value;
    if (node && node.role !== NodeRole.SERVICE) return;
    const message = 'only proxies, and servers that players join directly, hold players';
    throw new KelpieError('ROLE_HOLDS_NO_PLAYERS', message);
  }

  /**
   * Compares a digest with the table, unless something is under way that would explain a difference, or the storage was
   * away and the proxy will be asked for its list.
   */
  compare(digest: PresenceDigest): void {
    if (this.#writes + this.#logins > 0 || this.#resync.waits) return;
    this.#digests.compare(digest, this.#onWanted);
  }

  /** Takes latencies of this proxy's own players. */
  measured(reported: readonly PlayerLatency[]): void {
    const mine = this.#writer.rows.byProxy.get(this.#session.name);
    for (const { playerId, latencyMs } of reported.slice(0, LATENCIES)) {
      if (mine.has(playerId)) this.#latencies.set(playerId, latencyMs);
    }
    if (this.#latencies.size <= mine.size) return;
    // Drops latencies of players that left.
    this.#latencies = new Map([...this.#latencies].filter(([id]) => mine.has(id)));
  }

  get latencies(): ReadonlyMap<string, number> {
    return this.#latencies;
  }

  /** The stream is gone. */
  close(): void {
    this.#resync.close();
  }
}

/** About the memory of a report that waits. */
function weightOfReport(report: PlayerReport): number {
  return PlayerReport.encode(report).finish().length + OVERHEAD_BYTES;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

function isEnd({ generation, error }: Reported): boolean {
  return generation === 0 && !error;
}

function wire({ id: playerId, generation, error }: Reported): PlayerReportResult {
  return { playerId, generation, error: error && wireError(error) };
}

function loginLimit(limit: number, what: string): KelpieError {
  const message = `${limit} ${what} of this proxy are under way; no more fit`;
  return new KelpieError(
    'COMMAND_LIMIT',
    message,
    { limit: String(limit) },
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
