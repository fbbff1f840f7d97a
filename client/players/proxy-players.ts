/**
 * The players of a proxy. The coordinator decides which proxy holds a player. The proxy reports what happens to its
 * players, and disconnects those whom the coordinator evicts.
 */
import {
  DuplicatePolicy,
  Player,
  type PlayerChange,
  PlayerLeaveReason,
} from '../../gen/ts/kelpie/v1/player.js';
import type { AcquirePlayer } from '../../gen/ts/kelpie/v1/presence.js';
import type { Cancel, Clock } from '../core/clock.js';
import { oneOf, shown, text } from '../core/arguments.js';
import { fromThrown, KelpieError, typed } from '../errors.js';
import type { Link } from '../connection/link.js';
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
import type { ListedPlayer, PlayerList } from './list.js';
import type { Acquired, Policy, PlayersOptions } from './options.js';
import { isUnheard } from './report.js';
import type { PlayerReporting } from './reporting.js';

/** How long a coordinator may take for a login, unless the options say otherwise. */
const ACQUIRE_MS = 5000;

/** The players of one proxy. */
export class ProxyPlayers {
  readonly #options: PlayersOptions;
  readonly #clock: Clock;
  readonly #link: () => Link | undefined;
  readonly #list: PlayerList;
  readonly #reporting: PlayerReporting;
  /** The node itself, where players join it directly. */
  readonly #ownServer: string | undefined;
  /** Logins that wait for their answer, newest of each player. */
  readonly #asking = new Map<string, { cancelled: boolean }>();
  readonly #room = new LoginRoom();

  constructor(
    options: PlayersOptions,
    clock: Clock,
    link: () => Link | undefined,
    list: PlayerList,
    reporting: PlayerReporting,
    ownServer?: string,
  ) {
    this.#options = options;
    this.#clock = clock;
    this.#link = link;
    this.#list = list;
    this.#reporting = reporting;
    this.#ownServer = ownServer;
  }

  /** How many are in. */
  get size(): number {
    return this.#list.size;
  }

  /** A player who is in, as they were reported last. */
  get(id: string): Player | undefined {
    return this.#list.get(id)?.player;
  }

  /**
   * Asks for a player in their login, before they are let in. `policy` says what if another proxy has them;
   * by default that proxy is asked whether they are really there. A grant is followed by `joined` within
   * 60 s, or by `release`. Where no coordinator decides, `whenAway` does. Rejects with what AcquirePlayer
   * names of the player and of limits (PLAYER_INVALID, PLAYER_LIMIT …): they must not be let in then.
   */
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
      const acquired = await this.#ask(player, DuplicatePolicy[wanted]);
      if (!acquired.granted) return acquired;
      const { generation } = acquired;
      if (asking.cancelled) {
        await this.#giveBack(id, generation);
        return { granted: false, text: 'The login was cancelled.' };
      }
      this.#reporting.replace(id);
      this.#list.grant(id, generation, this.#clock.now());
      return acquired;
    } finally {
      if (this.#asking.get(id) === asking) this.#asking.delete(id);
    }
  }

  async #ask(player: Player, policy: DuplicatePolicy): Promise<Acquired> {
    const login = { givenUp: false };
    const bytes = Player.encode(player).finish().length;
    const request = this.#room.run(bytes, () => this.#request({ player, policy }, login));
    try {
      const acquired = await this.#inTime(request.then(acquiredBy));
      if (acquired) return acquired;
      login.givenUp = true;
      return this.#late(player.id, request);
    } catch (error) {
      const why = fromThrown(error);
      if (isUnheard(why)) return this.#away();
      throw why;
    }
  }

  /** Rejects with UNAVAILABLE if nobody is there to be asked, or nobody waits for the answer any more. */
  async #request(value: AcquirePlayer, login: { readonly givenUp: boolean }): Promise<Answer> {
    // Earlier reports go out first.
    this.#reporting.flush();
    const link = this.#link();
    if (!link?.open || login.givenUp) throw unanswered();
    return link.request({ $case: 'acquirePlayer', value });
  }

  /** The result of the work; undefined if it takes too long. */
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

  /** Nobody waits for the answer any more. A grant that it brings is nobody's, if they are not let in. */
  #late(id: string, request: Promise<Answer>): Acquired {
    const away = this.#away();
    if (!away.granted) void this.#undo(id, request);
    return away;
  }

  async #undo(id: string, request: Promise<Answer>): Promise<void> {
    try {
      const acquired = acquiredBy(await request);
      if (acquired.granted) await this.#giveBack(id, acquired.generation);
    } catch {
      // Not granted, or a later list settles it.
    }
  }

  #away(): Acquired {
    if (this.#options.whenAway !== 'deny') return { granted: true, generation: 0 };
    return { granted: false, text: 'The network cannot be reached right now. Try again soon.' };
  }

  /** The login was cancelled: the player did not come in. If they are in, they left. */
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
      // It is not listed any more, or lapses by itself.
      const over = ['PLAYER_NOT_FOUND', 'STALE_GENERATION', 'UNAVAILABLE'].includes(why.reason);
      if (!over) throw why;
    }
  }

  /**
   * The player is in, with these facts; or they were, and this is how they are now. Without `acquire` before it, a
   * login elsewhere ends. Rejects with what PlayerReportResult names: they are not listed then.
   */
  async joined(facts: PlayerFacts): Promise<void> {
    const player = typed(() => onOwnServer(playerOf(facts), this.#ownServer));
    const login = this.#list.endLogin(player.id);
    const known = login ? undefined : this.#list.get(player.id);
    if (known)
      return this.#updated(known, facts.server === undefined ? known.player.server : '', player);
    const listed = this.#list.add(player, login?.generation ?? 0, this.#clock.now());
    const undo = (): void => this.#list.remove(listed);
    return this.#reporting.report(listed, { $case: 'joined', value: player }, undo);
  }

  #updated(listed: ListedPlayer, server: string, reported: Player): Promise<void> {
    const before = listed.player;
    const player = server === '' ? reported : { ...reported, server };
    listed.player = player;
    const undo = (): void => {
      if (listed.player === player) listed.player = before;
    };
    return this.#reporting.report(listed, { $case: 'joined', value: player }, undo);
  }

  /**
   * They are on this server now; '' is none. A server that is no node is kept by its name, and marked.
   * Rejects with PLAYER_NOT_FOUND if they are not in, PLAYER_INVALID if a node of that name is no server.
   */
  async moved(id: string, server: string): Promise<void> {
    const listed = this.#listedOf(id);
    const own = this.#ownServer;
    const given = text('server', server).toLowerCase();
    const name = own === undefined ? given : typed(() => ownServerOf(given, own));
    if (listed.player.server === name) return;
    const before = listed.player.server;
    listed.player = { ...listed.player, server: name };
    const undo = (): void => {
      if (listed.player.server === name) listed.player = { ...listed.player, server: before };
    };
    await this.#reporting.report(listed, { $case: 'movedTo', value: name }, undo);
  }

  /** Something about the player changed. Rejects with PLAYER_NOT_FOUND, LABELS_INVALID, PLAYER_INVALID … */
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

  /**
   * The player left. Of somebody who is not in, nothing is said: they were evicted. While they log in again,
   * it is their older connection that left.
   */
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
    throw new KelpieError('PLAYER_NOT_FOUND', `no player ${shown(id)} is in here`);
  }
}

function acquiredBy(answer: Answer): Acquired {
  const outcome = answer.$case === 'playerAcquired' ? answer.value.outcome : undefined;
  if (outcome?.$case === 'generation') return { granted: true, generation: outcome.value };
  return { granted: false, ...(outcome?.value ?? { text: 'Try again.' }) };
}
