/**
 * The reports of a proxy about its players. Each new stream begins with the whole list, which settles the reports of
 * the stream before. The proxy reports changes of facts again after the list: other nodes may have changed the same
 * facts, and the list does not replace theirs. Later reports go out at the end of their tick.
 */
import { PlayerLeaveReason } from '../../gen/ts/kelpie/v1/player.js';
import {
  type PlayerEvicted,
  type PlayerReportResult,
  type PlayersSynced,
  type PresenceDigest,
} from '../../gen/ts/kelpie/v1/presence.js';
import type { Clock } from '../core/clock.js';
import { fromThrown, fromWire, type KelpieError } from '../errors.js';
import type { Link } from '../connection/link.js';
import { Exchanges } from './exchanges.js';
import type { ListedPlayer, Login, Part, PlayerList } from './list.js';
import type { Acquired } from './options.js';
import {
  framesOf,
  isAway,
  isUndecided,
  isRequestUndecided,
  keep,
  type Report,
  reportOf,
  settle,
  type What,
} from './report.js';
import { changeAgain } from './unanswered.js';

/** The most reports that wait. If there are more, the proxy sends the whole list instead. */
const WAITING = 10_000;
/** The text for a player whom the coordinator refused. */
const REFUSED_TEXT = 'You are not on this network any more.';

/** The functions and settings that the reports get from the client. */
export interface ReportingOptions {
  readonly clock: Clock;
  readonly link: () => Link | undefined;
  readonly list: PlayerList;
  /** A player must be disconnected. */
  readonly onEvicted: (evicted: PlayerEvicted) => void;
  /** The coordinator refused a list, or a change whose promise resolved before. */
  readonly onRefused: (error: KelpieError) => void;
}

export class PlayerReporting {
  readonly #options: ReportingOptions;
  readonly #list: PlayerList;
  #waiting: Report[] = [];
  #flushing: NodeJS.Immediate | undefined;
  readonly #exchanges = new Exchanges();

  constructor(options: ReportingOptions) {
    this.#options = options;
    this.#list = options.list;
  }

  get #link(): Link | undefined {
    const link = this.#options.link();
    return link?.open ? link : undefined;
  }

  /** The number of reports and lists without an answer. */
  get pending(): number {
    return this.#waiting.length + this.#exchanges.size;
  }

  /**
   * Reports at the end of this tick. Resolves when the coordinator has answered; or at once if no stream is open, since
   * the next stream begins with the list and with the changes that have no answer. Rejects with the reasons of
   * PlayerReportResult.
   */
  report(listed: ListedPlayer, what: What, undo: Report['undo'] = () => undefined): Promise<void> {
    if (!this.#link) {
      keep(listed, what);
      return Promise.resolve();
    }
    if (this.#waiting.length >= WAITING) this.sync();
    return new Promise((resolve, reject) => {
      this.#waiting.push({ listed, what, resolve, reject, undo });
      this.#flushing ??= setImmediate(() => this.flush());
    });
  }

  /** Sends the reports that wait, except those of players whose generation is not received yet. */
  flush(): void {
    clearImmediate(this.#flushing);
    this.#flushing = undefined;
    const link = this.#link;
    if (!link) return this.#settleAll();
    /** The players with a report that waits, or that brings the generation: later reports of them wait too. */
    const held = new Set<string>();
    const ready: Report[] = [];
    const waiting: Report[] = [];
    for (const report of this.#waiting) {
      const { listed, what } = report;
      const waits = listed.waitsFor !== undefined || held.has(listed.id);
      (waits ? waiting : ready).push(report);
      // The answer to a join without a grant has the generation.
      if (waits || (what.$case === 'joined' && listed.generation === 0)) held.add(listed.id);
    }
    this.#waiting = waiting;
    for (const part of framesOf(ready)) this.#send(link, part);
  }

  #send(link: Link, part: readonly Report[]): void {
    const exchange = this.#exchanges.begin(
      part.filter(({ what, listed }) => what.$case === 'joined' && listed.generation === 0),
    );
    const value = { reports: part.map(reportOf) };
    const answered = link.request({ $case: 'reportPlayers', value }).then(
      (answer) => {
        const results = answer.$case === 'playersReported' ? answer.value.results : [];
        const open = part.filter((report, index) => this.#settle(report, results[index]));
        // A list that is under way settles its players.
        if (open.some(({ listed: { waitsFor } }) => !waitsFor || waitsFor === exchange))
          this.#sendList();
      },
      (error: unknown) => this.#fail(part, fromThrown(error)),
    );
    void answered.finally(() => this.#end(exchange, part));
  }

  #end(exchange: object, about: readonly { readonly listed: ListedPlayer }[]): void {
    this.#exchanges.end(exchange, about);
    if (this.#waiting.length > 0) this.flush();
  }

  /** Returns whether the proxy must send its list: the coordinator does not have the player as the list does. */
  #settle(report: Report, result: PlayerReportResult | undefined): boolean {
    if (result && result.generation > 0) this.#setGeneration(report.listed, result.generation);
    if (result?.error) return this.#refused(report, fromWire(result.error));
    report.resolve();
    return false;
  }

  #refused(report: Report, error: KelpieError): boolean {
    const { listed, what, again, resolve, reject, undo } = report;
    const gone = error.reason === 'PLAYER_NOT_FOUND' || error.reason === 'STALE_GENERATION';
    const differs = gone && !again && this.#list.has(listed);
    if (isUndecided(error) || differs) settle([report]);
    else if (what.$case === 'left' && gone) resolve();
    else {
      undo(error);
      reject(error);
    }
    return differs;
  }

  /** A request failed. If that decides nothing, a later list settles the reports; else they reject. */
  #fail(part: readonly Report[], error: KelpieError): void {
    if (error.reason === 'OUTCOME_UNKNOWN') this.#sendList();
    if (isRequestUndecided(error)) return settle(part);
    for (const { reject } of part) reject(error);
  }

  #settleAll(): void {
    settle(this.#waiting.splice(0));
  }

  /** Sends the whole list. It contains the reports that waited. */
  sync(): void {
    this.#settleAll();
    this.#sendList();
  }

  #sendList(): void {
    const link = this.#link;
    if (!link) return;
    for (const part of this.#list.parts(this.#options.clock.now())) this.#sendPart(link, part);
  }

  #sendPart(link: Link, { value, listed }: Part): void {
    const about = listed.map((one) => ({ listed: one }));
    const exchange = this.#exchanges.begin(about);
    const answered = link.request({ $case: 'syncPlayers', value }).then(
      (answer) => {
        if (answer.$case === 'playersSynced') this.#takeSynced(listed, answer.value);
      },
      (error: unknown) => {
        // The coordinator asks for the list again, or the next stream begins with it.
        if (!isAway(fromThrown(error))) this.#options.onRefused(fromThrown(error));
      },
    );
    void answered.finally(() => this.#end(exchange, about));
  }

  #takeSynced(listed: readonly ListedPlayer[], { results }: PlayersSynced): void {
    const byId = new Map(results.map((result) => [result.playerId, result]));
    for (const one of listed) {
      const result = byId.get(one.id);
      if (result && result.generation > 0) this.#setGeneration(one, result.generation);
      else this.#evict(one, PlayerLeaveReason.SYNC, REFUSED_TEXT);
    }
    this.#changeAgain(listed);
  }

  /** Reports the changes of these players that have no answer, one change a player, before the reports that wait. */
  #changeAgain(players: readonly ListedPlayer[]): void {
    const again = players.flatMap((listed): Report[] => {
      const { unanswered } = listed;
      if (!unanswered || !this.#list.has(listed)) return [];
      delete listed.unanswered;
      const what = { $case: 'changed', value: changeAgain(unanswered, listed.player) } as const;
      const reject = (error: KelpieError): void => {
        if (this.#list.has(listed)) this.#options.onRefused(error);
      };
      const nothing = (): void => undefined;
      return [{ listed, what, again: true, reject, resolve: nothing, undo: nothing }];
    });
    if (again.length === 0) return;
    this.#waiting = [...again, ...this.#waiting];
    this.#flushing ??= setImmediate(() => this.flush());
  }

  #setGeneration(listed: ListedPlayer, generation: number): void {
    listed.generation = generation;
    this.#list.saw(generation);
    if (listed.evicted === undefined || listed.evicted < generation) return;
    this.#evict(listed, PlayerLeaveReason.REPLACED, REFUSED_TEXT);
  }

  #evict(listed: ListedPlayer, reason: PlayerLeaveReason, text: string): void {
    if (!this.#list.has(listed)) return;
    this.#list.remove(listed);
    this.#options.onEvicted({ playerId: listed.id, generation: listed.generation, reason, text });
  }

  /**
   * The player was let in before a coordinator decided. Their join waits for the decision: a grant that comes after the
   * join would replace the player who is in. Resolves with a grant that nobody needs, if there is one.
   */
  async decide(id: string, login: Login, decision: Promise<Acquired | undefined>) {
    const exchange = (login.waitsFor = this.#exchanges.begin([]));
    const acquired = await decision;
    const about = login.listed?.waitsFor === exchange ? [{ listed: login.listed }] : [];
    const isCurrent = about.length > 0 || this.#list.login(id) === login;
    if (acquired && isCurrent) this.#decided(id, login, acquired);
    delete login.waitsFor;
    this.#end(exchange, about);
    // The list of a newer stream settles a player who is in: to give the grant back would end them.
    return isCurrent || (login.listed && this.#list.has(login.listed)) ? undefined : acquired;
  }

  #decided(id: string, login: Login, acquired: Acquired): void {
    if (!acquired.granted) return this.#deny(id, login.listed, acquired.text);
    login.generation = acquired.generation;
    this.#list.saw(login.generation);
    if (login.listed) this.#setGeneration(login.listed, login.generation);
  }

  #deny(playerId: string, listed: ListedPlayer | undefined, text: string): void {
    const reason = PlayerLeaveReason.REPLACED;
    if (!listed) {
      this.#list.endLogin(playerId);
      return this.#options.onEvicted({ playerId, generation: 0, reason, text });
    }
    settle(this.#waiting.filter((report) => report.listed === listed));
    this.#waiting = this.#waiting.filter((report) => report.listed !== listed);
    this.#evict(listed, reason, text);
  }

  /** The coordinator has ended a presence or a login. A present one with a newer generation stays. */
  evicted(evicted: PlayerEvicted): void {
    const { playerId, generation, reason, text } = evicted;
    this.#list.saw(generation);
    const listed = this.#list.get(playerId);
    // The generation of this presence is not received yet, so the decision waits for it.
    if (listed?.waitsFor && listed.generation < generation) listed.evicted = generation;
    else if (listed && listed.generation <= generation) this.#evict(listed, reason, text);
    const login = this.#list.login(playerId);
    if (!login || login.generation === 0 || login.generation > generation) return;
    this.#list.endLogin(playerId);
    this.#options.onEvicted(evicted);
  }

  /** The player has logged in here again: their older presence ends. */
  replace(id: string): void {
    const listed = this.#list.get(id);
    if (listed) this.#evict(listed, PlayerLeaveReason.REPLACED, 'You logged in again.');
  }

  /**
   * The digest of the players who are in; undefined while an exchange has no answer. Changes that the coordinator could
   * not decide on this stream follow it: the digest does not show them.
   */
  digest(): PresenceDigest | undefined {
    this.flush();
    if (this.#exchanges.size > 0) return undefined;
    this.#changeAgain(this.#list.unanswered);
    return this.#list.digest();
  }

  close(): void {
    clearImmediate(this.#flushing);
    this.#settleAll();
  }
}
