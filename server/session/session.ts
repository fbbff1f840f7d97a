/**
 * One stream of one node, free of gRPC: requests come in as an async iterable, responses go out as encoded
 * messages. AWAIT_HELLO, then ACTIVE, then CLOSED. Only a broken protocol, a fault or the peer itself ends a
 * session; the answer to every other mistake is RequestFailed.
 */
import { randomUUID } from 'node:crypto';
import type { Session as SessionReport } from '../../gen/ts/kelpie/v1/coordinator_service.js';
import { NodeLeaveReason } from '../../gen/ts/kelpie/v1/event.js';
import {
  type Drain,
  type Goodbye,
  GoodbyeReason,
  type Hello,
  type NodeFrame,
} from '../../gen/ts/kelpie/v1/session_service.js';
import { peerOf } from '../access/peer-limits.js';
import type { Cancel } from '../core/clock.js';
import { KelpieError } from '../core/errors.js';
import type { PatternHold } from '../delivery/pattern-budget.js';
import { encodeFrame, type Frame, type FramePart, publicError } from '../delivery/frames.js';
import { Latch } from '../core/latch.js';
import { type Active, activate } from './active.js';
import { MAY_STAY } from './cut-off.js';
import { open, type Opened } from './handshake.js';
import type { Message, Peer } from './port.js';
import type { Member } from './registry.js';
import { reportOf } from './report.js';
import type { SessionServices } from './services.js';
import { LoadReader } from '../delivery/load-frames.js';
import type { SessionEnd } from './observer.js';
import { type Offer, Outbound } from './outbound.js';
import { faultOf, helloTimeout, Liveness } from './liveness.js';
import { FairTurn } from '../core/fair-turn.js';

export class Session implements Member {
  readonly id = randomUUID();
  readonly outbound = new Outbound(() => this.#latest());
  readonly #services: SessionServices;
  readonly #peer: Peer;
  readonly #patterns: PatternHold;
  readonly #turn: FairTurn;
  readonly #helloTimer: Cancel;
  /** Forgets the end of the credential. */
  readonly #forget: () => void;
  #helloName: string | undefined;
  /** Whether the node can keep its stream after a Drain. */
  #mayStay = false;
  #active: Active | undefined;
  readonly #loads: LoadReader;
  #closed = false;
  readonly #liveness: Liveness;
  /** Opens when the Hello has got its answer. */
  readonly #opened = new Latch();

  constructor(services: SessionServices, peer: Peer) {
    const { patterns, loadFrames, listening, clock, times } = services;
    this.#services = services;
    this.#peer = peer;
    this.#patterns = patterns.hold(peer.connection, peerOf(peer.access));
    this.#turn = new FairTurn(clock);
    this.#liveness = new Liveness(listening);
    this.#loads = new LoadReader(loadFrames);
    this.#forget = peer.access.onEnd((error) => this.#break(error));
    const late = (): void => this.#refuse(helloTimeout(times.helloMs));
    this.#helloTimer = listening.after(times.helloMs, late);
  }

  /** Frames of which only the newest counts, made when they are pulled. */
  #latest(): FramePart[] {
    const ack = this.#active?.publisher.takeAck();
    const loads = this.#loads.take(this.#active?.feed.filter);
    return [ack && encodeFrame(ack), loads].filter((frame) => frame !== undefined);
  }

  sendLoads(): boolean {
    const wanted = this.#active?.feed.filter.hasResources ?? false;
    if (!wanted || !this.#loads.endInterval()) return false;
    this.outbound.wake();
    return true;
  }

  /** Reads until the stream ends. Never rejects: an error ends the outbound side. */
  async read(requests: AsyncIterable<Message>): Promise<void> {
    try {
      for await (const request of requests) {
        this.#heard(request);
        for (const frame of this.#turn.each(request.frames)) {
          // Frames that were on their way when the stream ended do not count.
          if (this.#closed) return;
          // A promise is awaited only where there is one: the hot path has no needless turn.
          const pending = this.#turn.work(() => this.#receive(frame)) ?? this.#room();
          if (pending) await pending;
        }
      }
      this.outbound.end();
      this.cut();
    } catch (error) {
      // After its end a stream may abort its reader, which is no fault.
      if (this.#closed || (error as Error).name === 'AbortError') this.cut();
      else this.#break(publicError(error, this.#onFault));
    }
  }

  #heard({ bytes = 0 }: Message): void {
    this.#liveness.heard();
    this.#peer.use?.message(bytes);
  }

  /** Ends the stream with an error; the node is lost by it, if there is one. */
  #break(error: KelpieError): void {
    if (this.#active) this.outbound.end(error);
    else this.#refuse(error);
    this.cut(error.reason);
  }

  #refuse(error: KelpieError): void {
    const { host } = this.#peer;
    this.#services.observer.refused({ name: this.#helloName, host, reason: error.reason });
    this.outbound.end(error);
  }

  #room(): Promise<void> | undefined {
    const { outbound } = this;
    const room = outbound.room() ?? this.#active?.feed.room() ?? this.#peer.use?.frame();
    return this.#heldBack(room ?? this.#turn.over());
  }

  /** A held frame keeps the rest unread, so the peer's silence does not count meanwhile. */
  #heldBack(room: Promise<void> | undefined): Promise<void> | undefined {
    if (!room) return undefined;
    this.#liveness.pause();
    return room.then(() => this.#liveness.resume());
  }

  #receive(frame: NodeFrame): Promise<void> | undefined {
    if (!this.#active) return this.#await(frame.frame);
    if (frame.frame?.$case === 'goodbye') {
      return this.#goodbye(this.#active, frame.requestId, frame.frame.value);
    }
    if (frame.frame?.$case === 'hello') {
      throw new KelpieError('HELLO_DUPLICATE', 'a stream has one Hello; open another stream');
    }
    return this.#heldBack(this.#active.requests.handle(frame));
  }

  #await(frame: NodeFrame['frame']): Promise<void> {
    if (frame?.$case === 'hello') return this.#open(frame.value);
    throw new KelpieError('HELLO_REQUIRED', 'the first frame of a stream must be Hello');
  }

  async #open(hello: Hello): Promise<void> {
    const { registry } = this.#services;
    this.#helloTimer();
    this.#helloName = hello.name;
    this.#mayStay = hello.features.includes(MAY_STAY);
    try {
      this.#peer.use?.session();
      await registry.admit(this);
      const reader = { ...this.#peer, patterns: this.#patterns };
      this.#welcome(await open(this.#services, hello, this.id, reader));
    } catch (error) {
      registry.refused(hello);
      throw error;
    } finally {
      registry.admitted(this);
      this.#opened.open();
    }
  }

  #welcome(opened: Opened): void {
    const { claims, observer, registry } = this.#services;
    if (this.#closed) {
      claims.lost(opened.name, opened.generation);
      return;
    }
    registry.add(this, opened.name);
    this.outbound.send({ $case: 'welcome', value: opened.welcome });
    const { outbound } = this;
    const { host, access } = this.#peer;
    this.#active = activate(this.#services, opened, { outbound, access });
    const { credential } = access;
    observer.opened({ ...opened, sessionId: this.id, host, credential });
    registry.welcomed(this);
  }

  async #goodbye(active: Active, requestId: number, { reason }: Goodbye): Promise<void> {
    const { claims, registry } = this.#services;
    const { name, generation, requests } = active;
    // Out of the registry first, so that the end of its ownership does not evict it.
    this.#leave(name);
    if (reason !== GoodbyeReason.DRAINED)
      await claims.leave(name, generation, NodeLeaveReason.STOPPED);
    // Drained, and no newer stream took over: it must come back within the grace.
    else if (!registry.draining) claims.lost(name, generation);
    requests.done(requestId);
    this.#close(reason === GoodbyeReason.DRAINED ? 'DRAINED' : 'STOPPED');
  }

  #leave(name: string): void {
    const { loads, registry } = this.#services;
    if (registry.remove(this, name)) loads.forget(name);
  }

  report(): SessionReport {
    if (!this.#active) throw new Error('a session is reported when it is open');
    const { queuedBytes } = this.outbound;
    return reportOf(
      this.#active,
      { id: this.id, queuedBytes },
      this.#services.network.head.sequence,
    );
  }

  async probe(): Promise<boolean> {
    // It has the name and waits for its Welcome: the question waits too.
    if (!this.#active && !this.#closed) await this.#opened.wait();
    if (!this.#active || this.#closed) return false;
    this.outbound.send({ $case: 'heartbeatRequested', value: {} });
    return this.#liveness.answers(this.#services.times.probeMs);
  }

  readSince(ms: number): boolean {
    return this.#liveness.readSince(ms);
  }

  checkPeer(): void {
    const { times, listening } = this.#services;
    const stalledMs = this.outbound.stalledMs(listening.now());
    const fault = faultOf({ stalledMs, silentMs: this.#liveness.silentMs() }, times);
    if (fault) this.#break(fault);
  }

  /** Ends the stream, which is no loss: the node has another one, or will. */
  evict(error: KelpieError): void {
    this.outbound.end(error);
    this.#close(error.reason);
  }

  send(frame: Frame): void {
    this.outbound.send(frame);
  }

  offer(offer: Offer): boolean {
    return this.outbound.offer(offer);
  }

  get latencies(): ReadonlyMap<string, number> {
    return this.#active?.requests.latencies ?? new Map<string, number>();
  }

  drain(drain: Drain): void {
    if (drain.mayStay && !this.#mayStay) return;
    this.outbound.send({ $case: 'drain', value: drain });
  }

  /** The stream is gone or will be, without a goodbye. */
  cut(end: SessionEnd = 'LOST'): void {
    if (this.#closed) return;
    const active = this.#active;
    this.#close(end);
    if (!active || this.#services.registry.draining) return;
    this.#services.claims.lost(active.name, active.generation);
  }

  #close(end: SessionEnd): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#helloTimer();
    this.#forget();
    this.#liveness.stop();
    this.#opened.open();
    this.#patterns.release();
    this.outbound.end();
    if (!this.#active) return;
    const { name, feed, requests } = this.#active;
    feed.close();
    requests.close();
    this.#leave(name);
    this.#services.observer.ended({ name, sessionId: this.id }, end);
  }

  readonly #onFault = (error: unknown): void => this.#services.onFault(error);
}
