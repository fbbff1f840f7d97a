/** The sessions of one coordinator: which are open, which may come in, and which must end. */
import { setMaxListeners } from 'node:events';
import { type Cancel, type Clock, every } from '../core/clock.js';
import { sameBytes } from '../core/cursor.js';
import { durationOf } from '../core/duration.js';
import { KelpieError } from '../core/errors.js';
import { Latch } from '../core/latch.js';
import { Turnstile } from '../core/turnstile.js';
import type { Carrier, Handover } from '../commands/carrier.js';
import { encodeRequestFrame, type Frame } from '../delivery/frames.js';
import type { Session as SessionReport } from '../../gen/ts/kelpie/v1/coordinator_service.js';
import type { Drain, Hello } from '../../gen/ts/kelpie/v1/session_service.js';
import type { Entry } from '../journal/journal.js';
import { departures, ownersWritten } from '../nodes/departures.js';
import type { NodeRows } from '../nodes/rows.js';
import type { Limits, Times } from '../network/limits.js';
import type { Network } from '../network/network.js';
import type { SessionObserver } from './observer.js';
import { frameOffer, type Offer } from './outbound.js';

/** A session, for the registry. */
export interface Member {
  readonly id: string;
  /** How far it is. */
  report(): SessionReport;
  /** Asks the peer whether it is alive. */
  probe(): Promise<boolean>;
  /** Whether the coordinator read it all the time since then, by the listening clock. */
  readSince(ms: number): boolean;
  /** Ends the stream if the peer sent or took nothing for too long. */
  checkPeer(): void;
  /** Sends the loads of an interval that is over. False: the session has them all, or reads none. */
  sendLoads(): boolean;
  /** Asks the peer to move on. */
  drain(drain: Drain): void;
  /** Ends the stream with an error; the node itself is not lost by it. */
  evict(error: KelpieError): void;
  /** Sends a frame. */
  send(frame: Frame): void;
  /** Queues a frame of a command. False: there is no room. */
  offer(offer: Offer): boolean;
  /** The round trips to players of the node that the node reported, by their ids. */
  readonly latencies: ReadonlyMap<string, number>;
}

/** How often the registry looks for silent sessions. */
const SWEEP_MS = 1000;
/** Sessions that are opened in one turn of the event loop. */
const OPENED_AT_ONCE = 16;
/** Bytes of a request beside its command, about. */
const REQUEST_BYTES = 256;
const NO_LATENCIES: ReadonlyMap<string, number> = new Map();

/** The limits and clocks of the registry, and its observer. */
export interface RegistryOptions {
  readonly observer: Pick<SessionObserver, 'draining'>;
  readonly limits: Pick<Limits, 'sessions'>;
  readonly times: Pick<Times, 'drainMs'>;
  readonly clock: Clock;
  readonly listening: Clock;
}

export class SessionRegistry implements Carrier {
  readonly #rows: NodeRows;
  readonly #options: RegistryOptions;
  readonly #sessions = new Map<string, Member>();
  /** Sessions between Hello and Welcome, by their ids. */
  readonly #opening = new Map<string, Member>();
  /** Sessions are opened in turns, however many come at once. */
  readonly #turnstile = new Turnstile(OPENED_AT_ONCE);
  /** Sessions whose nodes have nowhere else to go, with the timers that end them. */
  readonly #stranded = new Map<Member, Cancel>();
  readonly #emptied = new Latch();
  readonly #drain = new AbortController();
  readonly #sweep: Cancel;

  constructor(network: Pick<Network, 'onEntries'>, rows: NodeRows, options: RegistryOptions) {
    this.#rows = rows;
    this.#options = options;
    // One listener for each call that reads, and the edge bounds these.
    setMaxListeners(0, this.#drain.signal);
    network.onEntries((entries) => this.#endReplaced(entries));
    this.#sweep = every(options.listening, SWEEP_MS, () => {
      for (const session of this.#sessions.values()) session.checkPeer();
    });
  }

  /** How far the session of a node is, if it is open here. */
  report(name: string): SessionReport | undefined {
    return this.#sessions.get(name)?.report();
  }

  /** Sessions that are open. */
  get size(): number {
    return this.#sessions.size;
  }

  /** Sessions that are open or about to be. */
  get admittedSessions(): number {
    return this.#sessions.size + this.#opening.size;
  }

  /** The nodes whose sessions are open here. */
  get names(): Iterable<string> {
    return this.#sessions.keys();
  }

  /** The open sessions. */
  get all(): Iterable<Member> {
    return this.#sessions.values();
  }

  get draining(): boolean {
    return this.#drain.signal.aborted;
  }

  /** Aborts with the error DRAINING when the coordinator begins to stop. */
  get drainSignal(): AbortSignal {
    return this.#drain.signal;
  }

  /**
   * Counts a session that sent its Hello, and resolves when it is its turn to be opened. Throws DRAINING or
   * SESSION_LIMIT if it may not come in.
   */
  async admit(session: Member): Promise<void> {
    this.#drain.signal.throwIfAborted();
    const limit = this.#options.limits.sessions;
    if (this.admittedSessions >= limit) {
      throw new KelpieError('SESSION_LIMIT', `${limit} sessions are open; no more fit here`, {
        limit: String(limit),
      });
    }
    this.#opening.set(session.id, session);
    await this.#turnstile.pass();
  }

  /**
   * A Hello was refused. If the coordinator asked the node to move on and the node came here again, it has
   * nowhere else to go. Waiting gains nothing then: its former stream ends a little later, unless the node
   * sends a Goodbye.
   */
  refused({ name, instanceId }: Hello): void {
    const { clock } = this.#options;
    const session = this.#sessions.get(name.toLowerCase());
    const owner = this.#rows.owners.get(name.toLowerCase())?.value;
    if (!this.draining || !session || !owner || !sameBytes(owner.instanceId, instanceId)) return;
    if (this.#stranded.has(session)) return;
    const end = (): void => session.evict(drainingError());
    this.#stranded.set(session, clock.after(this.#reconnectWindowMs, end));
  }

  get #reconnectWindowMs(): number {
    return Math.min(1000, this.#options.times.drainMs / 2);
  }

  /** The session's Hello has got its answer. */
  admitted(session: Member): void {
    this.#opening.delete(session.id);
    this.#lookEmptied();
  }

  /** Adds a session that has claimed its node. Throws SESSION_REPLACED if it lost the node meanwhile. */
  add(session: Member, name: string): void {
    const owner = this.#rows.owners.get(name);
    if (owner?.value.sessionId !== session.id) throw replacedError(name);
    this.#sessions.set(name, session);
  }

  /** Asks a session to move on if the coordinator drains, also a session that was just opened. */
  welcomed(session: Member): void {
    if (!this.draining) return;
    const grace = durationOf(this.#options.times.drainMs);
    const reconnectWindow = durationOf(this.#reconnectWindowMs);
    session.drain({ grace, reconnectWindow, mayStay: false });
  }

  /** Takes a session out. False: a newer one of the node has its place. */
  remove(session: Member, name: string): boolean {
    const held = this.#sessions.get(name) === session;
    if (held) this.#sessions.delete(name);
    this.#lookEmptied();
    return held;
  }

  #lookEmptied(): void {
    if (this.admittedSessions === 0) this.#emptied.open();
  }

  /** Whether the session of a node answers, one that is about to be welcomed too. False if it is not here. */
  async alive(name: string, sessionId: string): Promise<boolean> {
    const open = this.#sessions.get(name);
    const session = open?.id === sessionId ? open : this.#opening.get(sessionId);
    return (await session?.probe()) ?? false;
  }

  /** Whether the session of a node is here, also one that is about to be welcomed. */
  has(name: string, sessionId: string): boolean {
    return this.#sessions.get(name)?.id === sessionId || this.#opening.has(sessionId);
  }

  /** Whether a node's stream was read all the time since then, by the listening clock. */
  readSince(name: string, ms: number): boolean {
    return this.#sessions.get(name)?.readSince(ms) ?? true;
  }

  /** A write of a node's owner ends the session of the former owner, whoever wrote it. */
  #endReplaced(entries: readonly Entry[]): void {
    const rows = this.#rows;
    for (const name of ownersWritten(rows, entries)) {
      const session = this.#sessions.get(name);
      const owner = rows.owners.get(name)?.value;
      if (!session || owner?.sessionId === session.id) continue;
      session.evict(owner ? replacedError(name) : goneError(name, departures(rows, entries)));
    }
  }

  /** Sends a frame to a node, if its session is open here. */
  send(node: string, frame: Frame): void {
    this.#sessions.get(node)?.send(frame);
  }

  hand(node: string, handover: Handover): ReturnType<Carrier['hand']> {
    const session = this.#sessions.get(node);
    if (!session) return 'absent';
    return session.offer(requestOffer(handover)) ? 'queued' : 'full';
  }

  withdraw(node: string, commandId: number): void {
    const frame = { $case: 'commandCancelled', value: { commandId } } as const;
    // A node that does not read misses this frame; the answer to its reply says that nobody waits.
    this.#sessions.get(node)?.offer(frameOffer(frame));
  }

  /** The latency of a player, if the stream of their proxy is open here and reported it. */
  latencyOf(proxy: string, playerId: string): number | undefined {
    return this.latenciesOf(proxy).get(playerId);
  }

  /** The latencies of players that a node reported on its stream here. */
  latenciesOf(node: string): ReadonlyMap<string, number> {
    return this.#sessions.get(node)?.latencies ?? NO_LATENCIES;
  }

  /** Lets sessions move on by themselves, then ends the rest. Nobody is reported as lost. */
  async drain(): Promise<void> {
    const { clock, times } = this.#options;
    this.#drain.abort(drainingError());
    this.#options.observer.draining(this.#sessions.size);
    for (const session of this.#sessions.values()) this.welcomed(session);
    if (this.#sessions.size + this.#opening.size > 0) {
      const cancel = clock.after(times.drainMs, () => this.#emptied.open());
      await this.#emptied.wait();
      cancel();
    }
    this.end(drainingError);
  }

  /** Ends all sessions, and those that open. Later Hellos get the error too. Nobody is reported as lost. */
  end(error: () => KelpieError): void {
    this.#drain.abort(error());
    for (const session of [...this.#opening.values(), ...this.#sessions.values()])
      session.evict(error());
    for (const cancel of [this.#sweep, ...this.#stranded.values()]) cancel();
  }
}

/** A request for a node: its frame is made when it goes out, and has the time that is left then. */
function requestOffer(handover: Handover): Offer {
  return {
    bytes: handover.bytes + REQUEST_BYTES,
    take: () => {
      const parts = handover.take();
      return parts && encodeRequestFrame(parts);
    },
    drop: () => handover.drop(),
  };
}

function drainingError(): KelpieError {
  const message = 'the coordinator is about to stop; connect again, here or elsewhere';
  return new KelpieError('DRAINING', message, {}, { retryAfterMs: 500 });
}

/** An operator ended the session; or another coordinator counted the node as lost, because this one was cut off. */
function goneError(name: string, left: ReturnType<typeof departures>): KelpieError {
  const { reason } = [...left].findLast((one) => one.name === name) ?? {};
  if (reason === undefined || reason === 'DISCONNECTED') return endedError(name);
  const message = `"${name}" counts as lost: its coordinator was cut off; connect again`;
  return new KelpieError('STALE_GENERATION', message, { name });
}

function endedError(name: string): KelpieError {
  return new KelpieError('SESSION_ENDED', `an operator ended the session of "${name}"`, { name });
}

function replacedError(name: string): KelpieError {
  return new KelpieError('SESSION_REPLACED', `a newer stream of "${name}" took over`, { name });
}
