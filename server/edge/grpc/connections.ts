/**
 * The connections of an edge, from TCP on: how many an address may have, and when one ends that nobody uses. The rules
 * come before TLS and HTTP/2, so they hold for peers that send nothing, too.
 *
 * A connection is used as soon as a call or a session of it was let in. An unused one ends after a few seconds, unless
 * a call of it is under way. A used one may rest for minutes: clients keep a connection between calls. One that checks
 * the health without a credential may rest for a minute.
 */
import type { Http2Session, ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import { addressBlock, hostOf } from '../../core/address.js';
import { type Cancel, type Clock, every } from '../../core/clock.js';
import { CallTurns } from './call-turns.js';

const SWEEP_MS = 1000;
/** How long a used connection may be without a call. */
const REST_MS = 300_000;
/** How long it may be without a call after a check of the health: load balancers check more often. */
const CHECK_MS = 60_000;
/** How long the last frame of a connection may take to get out: a peer that reads nothing never takes it. */
const CLOSE_MS = 5000;

export interface ConnectionRules {
  readonly clock: Clock;
  /** The time in which this coordinator listened: by it peers are judged. */
  readonly listening: Clock;
  /** Connections of one address at once. */
  readonly limits: { readonly addressConnections: number };
  /** How long an unused connection may be without a call. */
  readonly times: { readonly helloMs: number };
  /** Hears of each connection that was refused (`connections`) or that ended because nobody used it (`idle`). */
  readonly onLimit: (limit: 'connections' | 'idle') => void;
}

interface Connection {
  readonly socket: Socket;
  session: Http2Session | undefined;
  calls: number;
  /** How long it may be without a call; undefined: nobody uses it. */
  restMs: number | undefined;
  /** The time of its beginning; of one that may rest, the end of its last call. */
  restsSinceMs: number;
  endsSinceMs: number | undefined;
}

export class Connections {
  readonly #rules: ConnectionRules;
  /** By the name of the peer: address and port. */
  readonly #open = new Map<string, Connection>();
  readonly #ofSessions = new WeakMap<Http2Session, Connection>();
  readonly #addresses = new Map<string, number>();
  /** Thousands may end at once, and each end takes some work. */
  readonly #ends: CallTurns;
  readonly #sweeps: Cancel;

  constructor(rules: ConnectionRules) {
    this.#rules = rules;
    this.#ends = new CallTurns(rules.clock);
    this.#sweeps = every(rules.listening, SWEEP_MS, () => this.#sweep());
  }

  /** Takes a new socket, before anything of it is read. False: its address has too many, and it is closed. */
  admit(socket: Socket): boolean {
    const peer = peerOf(socket);
    const address = addressBlock(hostOf(peer));
    const count = this.#addresses.get(address) ?? 0;
    if (count >= this.#rules.limits.addressConnections) {
      this.#rules.onLimit('connections');
      socket.destroy();
      return false;
    }
    this.#addresses.set(address, count + 1);
    const restsSinceMs = this.#rules.listening.now();
    const facts = { session: undefined, calls: 0, restMs: undefined, endsSinceMs: undefined };
    const connection: Connection = { socket, restsSinceMs, ...facts };
    this.#open.set(peer, connection);
    socket.once('close', () => this.#closed(peer, address, connection));
    return true;
  }

  #closed(peer: string, address: string, connection: Connection): void {
    if (this.#open.get(peer) === connection) this.#open.delete(peer);
    const left = (this.#addresses.get(address) ?? 1) - 1;
    if (left > 0) this.#addresses.set(address, left);
    else this.#addresses.delete(address);
  }

  /** A connection has got so far that HTTP/2 can begin. */
  began(session: Http2Session): void {
    const connection = this.#open.get(peerOf(session.socket));
    if (!connection) return;
    connection.session = session;
    this.#ofSessions.set(session, connection);
  }

  /** Counts a call of a connection until its stream is closed. */
  call(stream: ServerHttp2Stream): void {
    const connection = stream.session && this.#ofSessions.get(stream.session);
    // A destroyed stream may have emitted its `close` already.
    if (!connection || stream.destroyed) return;
    connection.calls++;
    stream.once('close', () => {
      connection.calls--;
      if (connection.restMs) connection.restsSinceMs = this.#rules.listening.now();
    });
  }

  /** A call or a session of this peer was let in. */
  used(peer: string): void {
    this.#mayRest(peer, REST_MS);
  }

  /** A check of the health was answered to this peer, who has shown no credential. */
  checked(peer: string): void {
    this.#mayRest(peer, CHECK_MS);
  }

  #mayRest(peer: string, restMs: number): void {
    const connection = this.#open.get(peer);
    if (!connection) return;
    connection.restMs = Math.max(restMs, connection.restMs ?? 0);
    connection.restsSinceMs = this.#rules.listening.now();
  }

  close(): void {
    this.#sweeps();
  }

  #sweep(): void {
    const nowMs = this.#rules.listening.now();
    for (const connection of this.#open.values()) {
      const end = this.#endOf(connection, nowMs);
      if (end) this.#ends.take(undefined, end);
    }
  }

  #endOf(connection: Connection, nowMs: number): (() => void) | undefined {
    const { socket, session, calls, restMs, restsSinceMs, endsSinceMs } = connection;
    if (endsSinceMs !== undefined) {
      return nowMs - endsSinceMs >= CLOSE_MS ? () => socket.destroy() : undefined;
    }
    const rests = calls === 0 && nowMs - restsSinceMs >= (restMs ?? this.#rules.times.helloMs);
    if (!rests && !session?.destroyed) return undefined;
    connection.endsSinceMs = nowMs;
    if (!rests) return undefined;
    this.#rules.onLimit('idle');
    if (restMs) return () => session?.close();
    return () => {
      session?.destroy();
      socket.destroy();
    };
  }
}

/** As grpc-js names a peer: the calls of a connection have the same name. */
function peerOf({
  remoteAddress,
  remotePort,
}: Pick<Socket, 'remoteAddress' | 'remotePort'>): string {
  return `${remoteAddress}:${remotePort}`;
}
