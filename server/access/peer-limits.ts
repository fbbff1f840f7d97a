/**
 * Limits of one peer: its sessions, its calls and streams, and what it sends a second. A peer is a credential, or an
 * address where the coordinator asks for none. A flood of one peer so leaves room for all others.
 */
import { addressBlock } from '../core/address.js';
import { type Cancel, type Clock, every } from '../core/clock.js';
import { KelpieError } from '../core/errors.js';
import { Latch } from '../core/latch.js';
import type { Limits } from '../network/limits.js';
import type { Access } from './access.js';

/** A peak may take what the peer has left over of so many seconds. */
const PEAK_S = 4;
/** A peer without streams is forgotten after a sweep: by then its rates count nothing any more. */
const SWEEP_MS = 10_000;

/** The limit that a peer is above: the label of the metric. */
export type PeerLimit = 'sessions' | 'streams' | 'requests' | 'bytes';

export interface PeerRules {
  readonly clock: Clock;
  readonly limits: Pick<Limits, 'peerSessions' | 'peerStreams' | 'peerRequests' | 'peerBytes'>;
  /** Hears of each request above a limit, and of each time that a session is held back. */
  readonly onLimit: (limit: PeerLimit) => void;
}

/** One call or stream of a peer. */
export interface PeerUse {
  /** Counts a session until the stream ends. Throws SESSION_LIMIT. */
  session(): void;
  /** Counts a call. Throws RATE_LIMIT. */
  call(bytes: number): void;
  /** Counts the bytes of a message of a session. */
  message(bytes: number): void;
  /** Counts a frame of a session. A promise if the peer sends too much: the caller reads on when it resolves. */
  frame(): Promise<void> | undefined;
  /** The call or stream has ended. */
  close(): void;
}

/** The peer that an access counts for. */
export function peerOf({ credential, address }: Access): string {
  return credential?.id ?? addressBlock(address);
}

interface Peer {
  sessions: number;
  streams: number;
  readonly requests: Bucket;
  readonly bytes: Bucket;
  /** Sessions that are held back, and whether a timer will let them go on. */
  readonly held: Latch;
  waits: boolean;
}

export class PeerLimits {
  readonly #rules: PeerRules;
  readonly #peers = new Map<string, Peer>();
  readonly #sweeps: Cancel;

  constructor(rules: PeerRules) {
    this.#rules = rules;
    this.#sweeps = every(rules.clock, SWEEP_MS, () => this.#sweep());
  }

  /** Peers that are counted now. */
  get size(): number {
    return this.#peers.size;
  }

  /** Counts a call or stream of a peer until it is closed. Throws CONNECTION_LIMIT. */
  enter(access: Access): PeerUse {
    const peer = this.#peerOf(access);
    const limit = this.#rules.limits.peerStreams;
    if (peer.streams >= limit)
      throw this.#refusal(
        'CONNECTION_LIMIT',
        'streams',
        `${limit} calls and streams are open`,
        limit,
      );
    peer.streams++;
    let sessions = 0;
    let closed = false;
    return {
      session: () => {
        this.#session(peer);
        sessions++;
      },
      call: (bytes) => this.#call(peer, bytes),
      message: (bytes) => void peer.bytes.spend(bytes),
      frame: () => {
        const within = peer.requests.spend(1) && peer.bytes.spend(0);
        return within ? undefined : this.#held(peer);
      },
      close: () => {
        if (closed) return;
        closed = true;
        peer.streams--;
        peer.sessions -= sessions;
      },
    };
  }

  close(): void {
    this.#sweeps();
    for (const { held } of this.#peers.values()) held.open();
  }

  #peerOf(access: Access): Peer {
    const name = peerOf(access);
    const known = this.#peers.get(name);
    if (known) return known;
    const { peerRequests, peerBytes } = this.#rules.limits;
    const nowMs = this.#rules.clock.now();
    const rates = {
      requests: new Bucket(peerRequests, nowMs),
      bytes: new Bucket(peerBytes, nowMs),
    };
    const peer = { sessions: 0, streams: 0, ...rates, held: new Latch(), waits: false };
    this.#peers.set(name, peer);
    return peer;
  }

  #session(peer: Peer): void {
    const limit = this.#rules.limits.peerSessions;
    if (peer.sessions >= limit)
      throw this.#refusal('SESSION_LIMIT', 'sessions', `${limit} sessions are open`, limit);
    peer.sessions++;
  }

  #call({ requests, bytes }: Peer, length: number): void {
    const nowMs = this.#rules.clock.now();
    const { peerRequests, peerBytes } = this.#rules.limits;
    this.#check(requests, nowMs, 'requests', peerRequests);
    this.#check(bytes, nowMs, 'bytes', peerBytes);
    requests.spend(1);
    bytes.spend(length);
  }

  #check(bucket: Bucket, nowMs: number, what: PeerLimit, limit: number): void {
    const waitMs = bucket.waitMs(nowMs);
    if (waitMs === 0) return;
    const message = `more than ${limit} ${what} a second came`;
    throw this.#refusal('RATE_LIMIT', what, message, limit, waitMs);
  }

  /** One timer for all sessions of the peer. Each goes on with one frame; the next one may wait again. */
  #held(peer: Peer): Promise<void> | undefined {
    const nowMs = this.#rules.clock.now();
    const requestsMs = peer.requests.waitMs(nowMs);
    const bytesMs = peer.bytes.waitMs(nowMs);
    const waitMs = Math.max(requestsMs, bytesMs);
    if (waitMs === 0) return undefined;
    if (!peer.waits) {
      peer.waits = true;
      this.#rules.onLimit(requestsMs > bytesMs ? 'requests' : 'bytes');
      this.#rules.clock.after(waitMs, () => {
        peer.waits = false;
        peer.held.open();
      });
    }
    return peer.held.wait();
  }

  #refusal(
    reason: 'SESSION_LIMIT' | 'CONNECTION_LIMIT' | 'RATE_LIMIT',
    what: PeerLimit,
    message: string,
    limit: number,
    retryAfterMs = 1000,
  ): KelpieError {
    this.#rules.onLimit(what);
    const text = `${message} of this credential or address; try again later`;
    return new KelpieError(reason, text, { limit: String(limit) }, { retryAfterMs });
  }

  #sweep(): void {
    const nowMs = this.#rules.clock.now();
    for (const [name, peer] of this.#peers) {
      const fresh = peer.requests.isFull(nowMs) && peer.bytes.isFull(nowMs);
      if (peer.streams === 0 && fresh) this.#peers.delete(name);
    }
  }
}

/** Fills with so much a second, up to a peak. It may be overdrawn, and is then below zero for a while. */
class Bucket {
  readonly #rate: number;
  #left: number;
  #atMs: number;

  constructor(rate: number, nowMs: number) {
    this.#rate = rate;
    this.#left = rate * PEAK_S;
    this.#atMs = nowMs;
  }

  /** False: nothing is left, as far as the last look at the clock shows. */
  spend(amount: number): boolean {
    this.#left -= amount;
    return this.#left >= 1;
  }

  /** The time until something is left; 0 if something is. */
  waitMs(nowMs: number): number {
    this.#fill(nowMs);
    return this.#left >= 1 ? 0 : Math.ceil(((1 - this.#left) * 1000) / this.#rate);
  }

  isFull(nowMs: number): boolean {
    this.#fill(nowMs);
    return this.#left >= this.#rate * PEAK_S;
  }

  #fill(nowMs: number): void {
    const filled = this.#left + ((nowMs - this.#atMs) * this.#rate) / 1000;
    this.#left = Math.min(filled, this.#rate * PEAK_S);
    this.#atMs = nowMs;
  }
}
