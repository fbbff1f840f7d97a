/**
 * Streams between real clients and real coordinators, in one process and without a socket: every message,
 * in either direction, waits as bytes until a test lets it through, or is lost when the test cuts the stream. The
 * test also decides which side notices the cut.
 */
import { openAccess } from '../../../server/access/access.js';
import { ClientError, Status } from 'nice-grpc-common';
import type { Transport } from '../../../client/connection/transport.js';
import { ConnectRequest, ConnectResponse } from '../../../gen/ts/kelpie/v1/session_service.js';
import type { SessionPort } from '../../../server/session/port.js';

/** The side that notices a cut. The other side goes on sending, and its messages are lost. */
export type Cut = 'both' | 'client' | 'server';
export type Direction = 'up' | 'down';

/** The sender waits when so many messages are in a lane. */
const IN_FLIGHT = 4;

type Item = { bytes: Uint8Array } | { end: unknown };

export class SimulatedWire {
  /** Replaces a message of a client on its way. */
  readonly #pass: (request: ConnectRequest) => ConnectRequest;
  /** Streams whose end at least one side has not noticed yet, oldest first. */
  readonly #streams = new Set<WireStream>();

  constructor(pass: (request: ConnectRequest) => ConnectRequest = (request) => request) {
    this.#pass = pass;
  }

  /** A transport from a process to the coordinator at a place. Without a coordinator there, it fails. */
  transport(from: object, to: () => SessionPort | undefined): Transport {
    return (requests, signal) => {
      const port = to();
      if (!port) throw unavailable('nobody listens');
      const end = (): boolean => this.#streams.delete(stream);
      const stream = new WireStream({ from, port, pass: this.#pass, end });
      this.#streams.add(stream);
      return stream.run(requests, signal);
    };
  }

  get streams(): readonly WireStream[] {
    return [...this.#streams];
  }

  /** Delivers all waiting messages. False: there was none. */
  deliver(): boolean {
    const delivered = this.streams.map((stream) => stream.deliver('up') + stream.deliver('down'));
    return delivered.some((count) => count > 0);
  }
}

/** The two ends of a stream. */
interface WireEnds {
  readonly from: object;
  readonly port: SessionPort;
  readonly pass: (request: ConnectRequest) => ConnectRequest;
  /** Both sides have noticed the end. */
  readonly end: () => void;
}

/** One stream. */
export class WireStream {
  readonly from: object;
  readonly port: SessionPort;
  readonly #up = new Lane();
  readonly #down = new Lane();
  readonly #server = new AbortController();
  readonly #ends: WireEnds;
  #cut = false;
  #clientKnows = false;
  #serverKnows = false;

  constructor(ends: WireEnds) {
    this.from = ends.from;
    this.port = ends.port;
    this.#ends = ends;
  }

  /** The client's side of it. */
  async *run(
    requests: AsyncIterable<ConnectRequest>,
    signal: AbortSignal,
  ): AsyncGenerator<ConnectResponse> {
    // A client that leaves a stream resets it, so the other side notices the end.
    const reset = (): void => this.cut('both');
    signal.addEventListener('abort', reset, { once: true });
    void this.#send(requests);
    void this.#serve();
    try {
      for await (const bytes of this.#down.read()) yield ConnectResponse.decode(bytes);
    } finally {
      signal.removeEventListener('abort', reset);
      this.#learn('client');
    }
  }

  async #send(requests: AsyncIterable<ConnectRequest>): Promise<void> {
    for await (const request of requests) {
      this.#up.send({ bytes: ConnectRequest.encode(this.#ends.pass(request)).finish() });
      if (this.#clientKnows) return;
    }
    this.#up.send({ end: undefined });
  }

  async #serve(): Promise<void> {
    const access = openAccess('main', { host: '10.0.0.7' });
    const peer = { host: access.address, signal: this.#server.signal, access };
    let end: unknown;
    try {
      for await (const bytes of this.port.serve(this.#received(), peer)) {
        this.#down.send({ bytes });
        await this.#down.room();
      }
    } catch (error) {
      end = error;
    }
    this.#down.send({ end });
    this.#learn('server');
  }

  async *#received(): AsyncGenerator<ConnectRequest> {
    for await (const bytes of this.#up.read()) yield ConnectRequest.decode(bytes);
  }

  /** Delivers waiting messages: all, or at most a number. Returns how many. */
  deliver(direction: Direction, count = Infinity): number {
    return (direction === 'up' ? this.#up : this.#down).deliver(count);
  }

  /** Whether the client's side is open. */
  get held(): boolean {
    return !this.#clientKnows;
  }

  /** Whether sent messages arrive. */
  get whole(): boolean {
    return !this.#cut;
  }

  /** The connection breaks, and waiting messages are lost. */
  cut(noticed: Cut): void {
    this.#cut = true;
    this.#up.lose();
    this.#down.lose();
    if (noticed !== 'server') this.#down.break(unavailable('the connection broke'));
    if (noticed === 'client') return;
    this.#server.abort();
    this.#up.break();
  }

  #learn(side: 'client' | 'server'): void {
    if (side === 'client') this.#clientKnows = true;
    else this.#serverKnows = true;
    if (this.#clientKnows && this.#serverKnows) this.#ends.end();
  }
}

/** One direction: first in, first out. */
class Lane {
  #waiting: Item[] = [];
  #arrived: Item[] = [];
  #lost = false;
  #wakeReader: () => void = () => undefined;
  #wakeSender: () => void = () => undefined;

  send(item: Item): void {
    if (!this.#lost) this.#waiting.push(item);
  }

  /** Resolves when the lane has room. */
  async room(): Promise<void> {
    while (this.#waiting.length >= IN_FLIGHT && !this.#lost)
      await new Promise<void>((resolve) => (this.#wakeSender = resolve));
  }

  deliver(count: number): number {
    const items = this.#waiting.splice(0, count);
    this.#arrived.push(...items);
    this.#wake();
    return items.length;
  }

  /** Loses all waiting messages, and all messages that are sent from now on. */
  lose(): void {
    this.#lost = true;
    this.#waiting = [];
    this.#wake();
  }

  /** The reader notices the end, after all messages that have arrived. */
  break(error?: unknown): void {
    this.#arrived.push({ end: error });
    this.#wake();
  }

  #wake(): void {
    this.#wakeReader();
    this.#wakeSender();
  }

  async *read(): AsyncGenerator<Uint8Array> {
    for (;;) {
      const item = this.#arrived.shift();
      if (!item) await new Promise<void>((resolve) => (this.#wakeReader = resolve));
      else if ('bytes' in item) yield item.bytes;
      else if (item.end) throw item.end as Error;
      else return;
    }
  }
}

function unavailable(details: string): ClientError {
  return new ClientError('/kelpie.v1.SessionService/Connect', Status.UNAVAILABLE, details);
}
