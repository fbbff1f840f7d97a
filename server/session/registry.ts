/** All sessions of one coordinator in one network: who is here, who fell silent, who must go. */
import { type Cancel, every } from '../core/clock.js';
import { KelpieError } from '../core/errors.js';
import { othersTurn } from '../core/fair-turn.js';
import { sameBytes } from '../core/cursor.js';
import { durationOf } from '../core/duration.js';
import { type Carrier, Commands, type Handover } from '../commands/commands.js';
import type { Network } from '../network/network.js';
import { evictions, ownersWritten } from '../network/changes.js';
import { verifier } from '../commands/verify-player.js';
import type { PlayerOwnership, Verify } from '../players/ownership.js';
import type { LivenessProbe, NodeClaims } from '../nodes/claims.js';
import type { Entry } from '../journal/journal.js';
import { Pages } from '../delivery/pages.js';
import { Turnstile } from '../core/turnstile.js';
import { PatternBudget } from '../delivery/pattern-budget.js';
import { SubscriptionIndex } from '../delivery/subscription-index.js';
import { frameOffer, requestOffer } from './command-frames.js';
import type { Frame } from '../delivery/frames.js';
import { Latch } from '../core/latch.js';
import { Loads } from '../nodes/loads.js';
import { LoadFrames } from '../delivery/load-frames.js';
import type { Session as SessionReport } from '../../gen/ts/kelpie/v1/coordinator_service.js';
import { type SessionObserver, tellAll } from './observer.js';
import type { Offer } from './outbound.js';
import { drainingError, endedError, replacedError } from './ends.js';
import { evictionOf } from './evictions.js';
import type { Player } from '../../gen/ts/kelpie/v1/player.js';
import type { Drain, Hello } from '../../gen/ts/kelpie/v1/session_service.js';

/** What the hub asks of a session. */
export interface Member {
  readonly id: string;
  /** How far it is. */
  report(): SessionReport;
  /** Whether the peer lives, asked now. */
  probe(): Promise<boolean>;
  /** Whether it was read all the time since then, by the listening clock. */
  readSince(ms: number): boolean;
  /** Ends the stream if the peer said nothing for too long. */
  checkSilence(): void;
  /** There may be loads of nodes to tell. Whether there are some for it. */
  tellLoads(): boolean;
  /** Tells the peer to move on. */
  drain(drain: Drain): void;
  /** Ends the stream with an error; the node itself is not lost by it. */
  evict(error: KelpieError): void;
  /** Sends a frame. */
  send(frame: Frame): void;
  /** Queues a frame of a command. False: there is no room. */
  offer(offer: Offer): boolean;
  /** How long a packet to a player of the node and back takes, if it said so. */
  latencyOf(playerId: string): number | undefined;
}

/** How often silence is looked for. */
const SWEEP_MS = 1000;
/** Sessions that are told of loads in one turn of the event loop. */
const TOLD_AT_ONCE = 16;
/** Sessions that are opened in one turn of the event loop. */
const OPENED_AT_ONCE = 16;

export class Hub implements LivenessProbe, Carrier {
  readonly network: Network;
  readonly nodes: NodeClaims;
  readonly players: PlayerOwnership;
  readonly commands: Commands;
  /** Whether a player is really there, as their proxy says. */
  readonly verify: Verify;
  readonly subscriptions: SubscriptionIndex;
  readonly pages: Pages;
  readonly patterns: PatternBudget;
  readonly loads = new Loads();
  readonly loadFrames: LoadFrames;
  readonly observer: SessionObserver;
  /** Sessions are opened in turns, however many come at once. */
  readonly turnstile = new Turnstile(OPENED_AT_ONCE);
  readonly #sessions = new Map<string, Member>();
  /** Sessions between Hello and Welcome, by their ids. */
  readonly #opening = new Map<string, Member>();
  /** Sessions whose nodes have nowhere else to go, with what ends them. */
  readonly #stranded = new Map<Member, Cancel>();
  readonly #emptied = new Latch();
  readonly #watchers = new Set<() => void>();
  readonly #timers: readonly Cancel[];
  #draining = false;
  #telling = false;

  constructor(
    network: Network,
    nodes: NodeClaims,
    players: PlayerOwnership,
    observers: readonly SessionObserver[] = [],
  ) {
    this.network = network;
    this.nodes = nodes;
    this.players = players;
    this.commands = new Commands(network, this);
    this.verify = verifier(network, this.commands, this);
    this.subscriptions = new SubscriptionIndex(network);
    this.patterns = new PatternBudget(network.options.limits);
    this.loadFrames = new LoadFrames(this.loads, (name) => network.nodeRows.topicOf(name));
    this.pages = new Pages(network.options.journal, network.options.clock);
    this.observer = tellAll(observers, network.options.onFault);
    network.onEntries((entries) => this.#endReplaced(entries));
    network.onEntries((entries) => this.#evictPlayers(entries));
    const { clock, times } = network.options;
    this.#timers = [
      every(network.listening, SWEEP_MS, () => this.#all((session) => session.checkSilence())),
      every(clock, times.heartbeatMs, () => {
        this.#tellLoads().catch(network.options.onFault);
      }),
    ];
  }

  /** How far the session of a node is, if it is open here. */
  report(name: string): SessionReport | undefined {
    return this.#sessions.get(name)?.report();
  }

  /** Sessions that are open. */
  get size(): number {
    return this.#sessions.size;
  }

  /** The nodes whose sessions are open here. */
  get names(): Iterable<string> {
    return this.#sessions.keys();
  }

  get draining(): boolean {
    return this.#draining;
  }

  /** Throws DRAINING when the coordinator is about to stop. */
  checkDraining(): void {
    if (this.#draining) throw drainingError();
  }

  /** Counts a session that has said Hello. Throws DRAINING or SESSION_LIMIT if it may not come in. */
  admit(session: Member): void {
    this.checkDraining();
    const limit = this.network.options.limits.sessions;
    if (this.#sessions.size + this.#opening.size >= limit) {
      throw new KelpieError('SESSION_LIMIT', `${limit} sessions are open; no more fit here`, {
        limit: String(limit),
      });
    }
    this.#opening.set(session.id, session);
  }

  /**
   * A Hello was refused. If it is of a node that was told to move on, and came here again, it has nowhere
   * else to go, and nothing is gained by waiting for it: its former stream ends a little later, unless it
   * says goodbye by itself.
   */
  refused({ name, instanceId }: Hello): void {
    const { clock } = this.network.options;
    const session = this.#sessions.get(name.toLowerCase());
    const owner = this.network.nodeRows.owners.get(name.toLowerCase())?.value;
    if (!this.#draining || !session || !owner || !sameBytes(owner.instanceId, instanceId)) return;
    if (this.#stranded.has(session)) return;
    const end = (): void => session.evict(drainingError());
    this.#stranded.set(session, clock.after(this.#reconnectWindowMs, end));
  }

  get #reconnectWindowMs(): number {
    return Math.min(1000, this.network.options.times.drainMs / 2);
  }

  /** The session's Hello has got its answer. */
  admitted(session: Member): void {
    this.#opening.delete(session.id);
    this.#lookEmptied();
  }

  /** Calls the watcher when the coordinator begins to stop. Returns how to forget it. */
  onDrain(watcher: () => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  /** Takes a session in that has got its node. Throws SESSION_REPLACED if it lost it meanwhile. */
  add(session: Member, name: string): void {
    const owner = this.network.nodeRows.owners.get(name);
    if (owner?.value.sessionId !== session.id) throw replacedError(name);
    this.#sessions.set(name, session);
  }

  /** Tells a session to move on if the coordinator drains: one that comes in just then, too. */
  welcomed(session: Member): void {
    if (!this.#draining) return;
    const grace = durationOf(this.network.options.times.drainMs);
    session.drain({ grace, reconnectWindow: durationOf(this.#reconnectWindowMs) });
  }

  remove(session: Member, name: string): void {
    if (this.#sessions.get(name) === session) {
      this.#sessions.delete(name);
      this.loads.forget(name);
    }
    this.#lookEmptied();
  }

  #lookEmptied(): void {
    if (this.#sessions.size + this.#opening.size === 0) this.#emptied.open();
  }

  /**
   * Whether the session that holds the name answers, one that is about to be welcomed too. A name
   * without a stream here has no holder.
   */
  async alive(name: string): Promise<boolean> {
    const id = this.network.nodeRows.owners.get(name)?.value.sessionId ?? '';
    const open = this.#sessions.get(name);
    const holder = open?.id === id ? open : this.#opening.get(id);
    return (await holder?.probe()) ?? false;
  }

  /** Whether a node's stream was read all the time since then, by the listening clock. */
  readSince(name: string, ms: number): boolean {
    return this.#sessions.get(name)?.readSince(ms) ?? true;
  }

  /** Whoever writes a node's owner replaces the session before: one rule, wherever it happened. */
  #endReplaced(entries: readonly Entry[]): void {
    const { nodeRows } = this.network;
    for (const name of ownersWritten(nodeRows, entries)) {
      const session = this.#sessions.get(name);
      const owner = nodeRows.owners.get(name)?.value;
      if (!session || owner?.sessionId === session.id) continue;
      session.evict(owner ? replacedError(name) : endedError(name));
    }
  }

  /** Whoever gives a player away tells the proxy that had them: one rule, wherever it happened. */
  #evictPlayers(entries: readonly Entry[]): void {
    for (const { player, reason } of evictions(this.network.playerRows, entries)) {
      const { proxy, id, generation } = player;
      this.#sessions.get(proxy)?.send(evictionOf(id, generation, reason));
    }
  }

  hand(node: string, handover: Handover): ReturnType<Carrier['hand']> {
    const session = this.#sessions.get(node);
    if (!session) return 'absent';
    return session.offer(requestOffer(handover)) ? 'queued' : 'full';
  }

  withdraw(node: string, commandId: number): void {
    const frame = { $case: 'commandCancelled', value: { commandId } } as const;
    // A node that does not read is not told; it learns by its answer that nobody waits.
    this.#sessions.get(node)?.offer(frameOffer(frame));
  }

  /** The player with what their proxy last said of their latency. */
  withLatency(player: Player): Player {
    const latencyMs = this.#sessions.get(player.proxy)?.latencyOf(player.id);
    return latencyMs === undefined ? player : { ...player, latencyMs };
  }

  /** A few sessions in one turn of the event loop: each of them is sent a message by it. */
  async #tellLoads(): Promise<void> {
    if (this.#telling) return;
    this.#telling = true;
    this.loadFrames.endInterval();
    let told = 0;
    try {
      for (const session of this.#sessions.values()) {
        if (session.tellLoads() && ++told % TOLD_AT_ONCE === 0) await othersTurn();
      }
    } finally {
      this.#telling = false;
    }
  }

  #all(work: (session: Member) => void): void {
    for (const session of this.#sessions.values()) work(session);
  }

  /** Lets sessions move on by themselves, then ends the rest. Nobody is reported as lost. */
  async drain(): Promise<void> {
    const { clock, times } = this.network.options;
    this.#draining = true;
    this.observer.draining(this.#sessions.size);
    for (const watcher of this.#watchers) watcher();
    this.#all((session) => this.welcomed(session));
    if (this.#sessions.size + this.#opening.size > 0) {
      const cancel = clock.after(times.drainMs, () => this.#emptied.open());
      await this.#emptied.wait();
      cancel();
    }
    this.#all((session) => session.evict(drainingError()));
    for (const cancel of [...this.#timers, ...this.#stranded.values()]) cancel();
  }
}
