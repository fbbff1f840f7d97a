/**
 * The players of a proxy. The coordinator decides which proxy holds a player. The proxy reports what happens to its
 * players, and disconnects evicted players.
 */
import {
  DuplicatePolicy,
  Player,
  type PlayerChange,
  PlayerLeaveReason,
} from '../../gen/ts/kelpie/v1/player.js';
import { type AcquirePlayer, PlayerDenialReason } from '../../gen/ts/kelpie/v1/presence.js';
import { denialReasonNameOf } from '../core/spelling.js';
import type { Cancel, Clock } from '../core/clock.js';
import { oneOf, shown, text } from '../core/arguments.js';
import { fromThrown, KelpieError, typed } from '../errors.js';
import type { Link } from '../connection/link.js';
import type { Away } from './away.js';
import { LoginRoom } from './logins.js';
import {
  changed,
  changeOf,
  onOwnServer,
  ownServerOf,
  playerOf,
  type PlayerFacts,
  type PlayerFactsChange,
  unchanged,
} from './facts.js';
import { type Answer, unanswered } from '../connection/requests.js';
import type { ListedPlayer, Login, PlayerList } from './list.js';
import type { Acquired, Policy, PlayersOptions } from './options.js';
import { isRequestUndecided } from './report.js';
import type { PlayerReporting } from './reporting.js';

/** A decision that comes after the time for a login; undefined: there is none. */
type Late = Promise<Acquired | undefined>;

/** How long a coordinator may take for a login, unless the options say otherwise. */
const ACQUIRE_MS = 5000;

/** The players of one proxy. */
export class ProxyPlayers {
  readonly #options: PlayersOptions;
  readonly #clock: Clock;
  readonly #link: () => Link | undefined;
  readonly #list: PlayerList;
  readonly #reporting: PlayerReporting;
  readonly #away: Away;
  /** The node's own name, if players join it directly. */
  readonly #ownServer: string | undefined;
  /** The newest login of each player that waits for its answer. */
  readonly #asking = new Map<string, { cancelled: boolean }>();
  readonly #room = new LoginRoom();

  constructor(
    options: PlayersOptions,
    clock: Clock,
    link: () => Link | undefined,
    list: PlayerList,
    reporting: PlayerReporting,
    away: Away,
    ownServer?: string,
  ) {
    this.#options = options;
    this.#clock = clock;
    this.#link = link;
    this.#list = list;
    this.#reporting = reporting;
    this.#away = away;
    this.#ownServer = ownServer;
  }

  /** The number of players who are in. */
  get size(): number {
    return this.#list.size;
  }

  /** A player who is in, with the facts that were reported last. */
  get(id: string): Player | undefined {
    return this.#list.get(id)?.player;
  }

  /** See `Players.acquire`. */
  async acquire(
    facts: PlayerFacts,
    { policy = 'VERIFY_OLD' }: { policy?: Policy } = {},
  ): Promise<Acquired> {
    const player = typed(() => playerOf(facts));
    const { id } = player;
    const wanted = oneOf<Policy>('policy', policy, DuplicatePolicy);
    const asking = { cancelled: false };
    this.#asking.set(id, asking);
    try {
      const { acquired, late } = await this.#ask(player, DuplicatePolicy[wanted]);
      if (!acquired.granted) {
        void this.#settle(id, late);
        return acquired;
      }
      const { generation } = acquired;
      if (asking.cancelled) {
        void this.#settle(id, late);
        await this.#giveBack(id, generation);
        return { granted: false, text: 'The login was cancelled.' };
      }
      this.#reporting.replace(id);
      const login = this.#list.grant(id, generation, this.#clock.now());
      void this.#settle(id, late, login);
      return acquired;
    } finally {
      if (this.#asking.get(id) === asking) this.#asking.delete(id);
    }
  }

  /** `late`: the decision of the coordinator, which comes after that of the rule. */
  async #ask(
    player: Player,
    policy: DuplicatePolicy,
  ): Promise<{ acquired: Acquired; late?: Late }> {
    const login = { givenUp: false };
    const bytes = Player.encode(player).finish().length;
    const request = this.#room.run(bytes, () => this.#request({ player, policy }, login));
    try {
      const acquired = await this.#inTime(request.then(acquiredBy));
      if (acquired) return { acquired };
      login.givenUp = true;
      return { acquired: this.#undecided(player), late: request.then(acquiredBy).catch(refusedBy) };
    } catch (error) {
      const why = fromThrown(error);
      if (isRequestUndecided(why)) return { acquired: this.#undecided(player) };
      throw why;
    }
  }

  /** Rejects with UNAVAILABLE if no stream is open, or if the login was given up meanwhile. */
  async #request(value: AcquirePlayer, login: { readonly givenUp: boolean }): Promise<Answer> {
    // Earlier reports must go out first.
    this.#reporting.flush();
    const link = this.#link();
    if (!link?.open || login.givenUp) throw unanswered();
    return link.request({ $case: 'acquirePlayer', value });
  }

  /** The result of the work; undefined if the work takes too long. */
  async #inTime<T>(work: Promise<T>): Promise<T | undefined> {
    let cancel: Cancel = () => undefined;
    const late = new Promise<undefined>((resolve) => {
      const waitMs = this.#options.acquireTimeoutMs ?? ACQUIRE_MS;
      cancel = this.#clock.after(waitMs, () => resolve(undefined));
    });
    try {
      return await Promise.race([work, late]);
    } finally {
      cancel();
    }
  }

  /** A late decision holds for the login that was let in. A grant without such a login is given back. */
  async #settle(id: string, late: Late | undefined, login?: Login): Promise<void> {
    if (!late) return;
    const acquired = login ? await this.#reporting.decide(id, login, late) : await late;
    // If it fails, the grant ends by itself.
    if (acquired?.granted) await this.#giveBack(id, acquired.generation).catch(() => undefined);
  }

  #undecided(player: Player): Acquired {
    return this.#away.decide(player, this.#list.get(player.id) !== undefined);
  }

  /** See `Players.release`. */
  async release(id: string): Promise<void> {
    const asking = this.#asking.get(id);
    if (asking) asking.cancelled = true;
    const login = this.#list.endLogin(id);
    if (login) await this.#giveBack(id, login.generation);
    else if (!asking) await this.left(id);
  }

  async #giveBack(playerId: string, generation: number): Promise<void> {
    const link = this.#link();
    if (generation === 0 || !link?.open) return;
    try {
      await link.request({ $case: 'releasePlayer', value: { playerId, generation } });
    } catch (error) {
      const why = fromThrown(error);
      // The coordinator does not have the grant any more, or the grant ends by itself.
      const over = ['PLAYER_NOT_FOUND', 'STALE_GENERATION', 'UNAVAILABLE'].includes(why.reason);
      if (!over) throw why;
    }
  }

  /** See `Players.joined`. */
  async joined(facts: PlayerFacts): Promise<void> {
    const player = typed(() => onOwnServer(playerOf(facts), this.#ownServer));
    const login = this.#list.endLogin(player.id);
    const present = login ? undefined : this.#list.get(player.id);
    if (present)
      return this.#updated(
        present,
        facts.server === undefined ? present.player.server : '',
        player,
      );
    const listed = this.#list.add(player, login?.generation ?? 0, this.#clock.now());
    if (login?.waitsFor) {
      login.listed = listed;
      listed.waitsFor = login.waitsFor;
    }
    const undo = (): void => this.#list.remove(listed);
    return this.#reporting.report(listed, { $case: 'joined', value: player }, undo);
  }

  #updated(listed: ListedPlayer, server: string, reported: Player): Promise<void> {
    const before = listed.player;
    const player = server === '' ? reported : { ...reported, server };
    this.#list.set(listed, player);
    const undo = (): void => {
      if (listed.player === player) this.#list.set(listed, before);
    };
    return this.#reporting.report(listed, { $case: 'joined', value: player }, undo);
  }

  /** See `Players.moved`. */
  async moved(id: string, server: string): Promise<void> {
    const listed = this.#listedOf(id);
    const own = this.#ownServer;
    const given = text('server', server).toLowerCase();
    const name = own === undefined ? given : typed(() => ownServerOf(given, own));
    if (listed.player.server === name) return;
    const before = listed.player.server;
    this.#list.set(listed, { ...listed.player, server: name });
    const undo = (): void => {
      if (listed.player.server !== name) return;
      this.#list.set(listed, { ...listed.player, server: before });
    };
    await this.#reporting.report(listed, { $case: 'movedTo', value: name }, undo);
  }

  /** See `Players.changed`. */
  async changed(id: string, change: PlayerFactsChange): Promise<void> {
    const listed = this.#listedOf(id);
    const value: PlayerChange = typed(() => changeOf(change));
    const before = listed.player;
    listed.player = changed(before, value);
    const undo = (): void => {
      listed.player = unchanged(listed.player, before, value);
    };
    await this.#reporting.report(listed, { $case: 'changed', value }, undo);
  }

  /** See `Players.left`. */
  async left(id: string, reason: 'QUIT' | 'KICKED' = 'QUIT'): Promise<void> {
    const why = oneOf<'QUIT' | 'KICKED'>('reason', reason, { QUIT: 1, KICKED: 1 });
    const listed = this.#list.get(id);
    if (!listed) return;
    this.#list.remove(listed);
    await this.#reporting.report(listed, { $case: 'left', value: PlayerLeaveReason[why] });
  }

  #listedOf(id: string): ListedPlayer {
    const listed = this.#list.get(id);
    if (listed) return listed;
    throw new KelpieError('PLAYER_NOT_FOUND', `player ${shown(id)} is not on this node`);
  }
}

/** The decision about a login that the coordinator refused; undefined: it has decided nothing. */
function refusedBy(thrown: unknown): Acquired | undefined {
  const error = fromThrown(thrown);
  return isRequestUndecided(error) ? undefined : { granted: false, text: error.message };
}

function acquiredBy(answer: Answer): Acquired {
  const { outcome, ticket } = answer.$case === 'playerAcquired' ? answer.value : {};
  if (outcome?.$case === 'generation')
    return { granted: true, generation: outcome.value, ...(ticket && { ticket }) };
  if (!outcome) return { granted: false, text: 'Try again.' };
  const { text, proxy, reason } = outcome.value;
  // A coordinator without reasons denies a login only where another one holds the player.
  const why = reason === PlayerDenialReason.UNSPECIFIED ? 'ONLINE' : denialReasonNameOf(reason);
  return { granted: false, text, reason: why, ...(proxy !== '' && { proxy }) };
}
