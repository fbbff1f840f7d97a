/**
 * A real coordinator, and a relay in front of it that knows frames: it cuts a stream after some of them, holds them, sends
 * them twice, or loses them.
 */
import {
  type ClientDuplexStream,
  credentials,
  Client,
  Metadata,
  type ServiceError,
} from '@grpc/grpc-js';
import { type Coordinator, startCoordinator } from '../../server/coordinator.js';
import { decode, encode, type Json, methods, typeOf } from './contract.js';
import { Stream } from './coordinator.js';
import { type Call, type GrpcServer, serveGrpc } from './grpc.js';
import type { Transcript } from './transcript.js';

const CONNECT = '/kelpie.v1.SessionService/Connect';

/** Short times, so that nothing waits for long. */
const TIMES = { heartbeatMs: 300, maxSilenceMs: 1500, graceMs: 3000, drainMs: 500 };

/** The rules of the relay, for all streams. */
export interface Rules {
  /** Cuts the next stream behind this many frames of the coordinator. */
  readonly cutAfter?: number;
  /** Sends frames of these kinds twice. */
  readonly repeat?: readonly string[];
  /** Loses frames of these kinds, of both sides. A stream that has lost a frame loses all later ones of its kind too. */
  readonly drop?: readonly string[];
  /** Keeps the frames of the coordinator until another rule comes. */
  readonly hold?: boolean;
  /** Loses everything, of both sides, on the streams that are open. */
  readonly blackhole?: boolean;
}

const pass = (bytes: Buffer): Buffer => bytes;

export class Relay {
  readonly streams: Stream[] = [];
  readonly #transcript: Transcript;
  readonly #upstreams = new Set<ClientDuplexStream<Buffer, Buffer>>();
  /** Streams that pass nothing on any more. */
  readonly #dead = new Set<Stream>();
  /** The kinds of frames that streams have lost. */
  readonly #lost = new WeakMap<Stream, Set<string>>();
  /** Frames that wait for another rule, in order. */
  #held: (() => void)[] = [];
  #rules: Rules = {};
  #server: GrpcServer | undefined;
  #coordinator: Coordinator | undefined;
  #client: Client | undefined;

  private constructor(transcript: Transcript) {
    this.#transcript = transcript;
  }

  static async start(transcript: Transcript): Promise<Relay> {
    const relay = new Relay(transcript);
    await relay.#startCoordinator();
    relay.#server = await serveGrpc((call) => relay.#take(call));
    return relay;
  }

  async #startCoordinator(): Promise<void> {
    this.#coordinator = await startCoordinator({ port: 0, journal: 'memory', times: TIMES });
    this.#client = new Client(this.endpoint, credentials.createInsecure());
  }

  /** The coordinator itself, for peers without a relay. */
  get endpoint(): string {
    return this.#coordinator?.endpoint ?? '';
  }

  get address(): string {
    return `127.0.0.1:${this.#server?.port}`;
  }

  /** From now on these rules hold. */
  rule(rules: Rules): void {
    this.#rules = rules;
    if (rules.blackhole) for (const stream of this.streams) this.#dead.add(stream);
    if (rules.hold) return;
    for (const release of this.#held.splice(0)) release();
  }

  cut(): void {
    for (const stream of this.streams) stream.cut();
  }

  /** Another coordinator takes the place of the present one, with a journal of its own. */
  async replaceCoordinator(): Promise<void> {
    await this.#stopCoordinator();
    await this.#startCoordinator();
  }

  async #stopCoordinator(): Promise<void> {
    this.cut();
    for (const upstream of this.#upstreams) upstream.cancel();
    this.#client?.close();
    // A node that connects before the next coordinator listens finds none; a closed client would throw.
    this.#client = undefined;
    await this.#coordinator?.stop();
  }

  #take(call: Call): void {
    if (call.path !== CONNECT) return this.#unary(call);
    const name = `a${this.streams.length + 1}`;
    const manner = { manual: ['heartbeat', 'updateSubscription', 'updateOwnNode'], rows: [] };
    manner.manual.push('commandReply', 'syncPlayers', 'goodbye');
    const stream = new Stream(name, call, this.#transcript, manner);
    this.streams.push(stream);
    this.#connect(stream, call);
  }

  #connect(stream: Stream, call: Call): void {
    const client = this.#client;
    if (!client) return stream.cut();
    const upstream = client.makeBidiStreamRequest(CONNECT, pass, pass, new Metadata());
    this.#upstreams.add(upstream);
    const { cutAfter = Infinity, ...rules } = this.#rules;
    this.#rules = rules;
    let sent = 0;
    call.on('message', (bytes) => this.#toCoordinator(stream, upstream, bytes));
    call.on('end', () => upstream.end());
    call.on('close', () => upstream.cancel());
    upstream.on('data', (bytes: Buffer) => {
      for (const frame of framesOf('ConnectResponse', bytes)) {
        if (this.#dead.has(stream) || sent >= cutAfter) return;
        this.#toNode(stream, frame);
        sent += 1;
        if (sent === cutAfter) setImmediate(() => stream.cut());
      }
    });
    upstream.on('error', (error: ServiceError) => {
      this.#upstreams.delete(upstream);
      this.#transcript.add(`the coordinator ends ${stream.name}: ${error.message}`);
      stream.cut();
    });
    upstream.on('end', () => {
      this.#upstreams.delete(upstream);
      stream.end();
    });
  }

  #toCoordinator(
    stream: Stream,
    upstream: ClientDuplexStream<Buffer, Buffer>,
    bytes: Buffer,
  ): void {
    if (this.#dead.has(stream)) return;
    const frames = framesOf('ConnectRequest', bytes).filter(
      (frame) => !this.#isDropped(stream, frame),
    );
    if (frames.length > 0 && upstream.writable)
      upstream.write(encode(typeOf('ConnectRequest'), { frames }));
  }

  #toNode(stream: Stream, frame: Json): void {
    if (this.#isDropped(stream, frame))
      return this.#transcript.add(`lost: ${JSON.stringify(frame)}`);
    const isTwice = this.#rules.repeat?.includes(kindOf(frame)) ?? false;
    const send = (): void => void stream.send(isTwice ? [frame, frame] : [frame]);
    if (this.#rules.hold) this.#held.push(send);
    else send();
  }

  #isDropped(stream: Stream, frame: Json): boolean {
    const lost = this.#lost.get(stream) ?? new Set();
    const kind = kindOf(frame);
    if (this.#rules.drop?.includes(kind)) this.#lost.set(stream, lost.add(kind));
    // No connection loses a frame and passes on a later one.
    return lost.has(kind);
  }

  #unary(call: Call): void {
    const client = this.#client;
    call.once('message', (bytes) => {
      if (!client || !methods.has(call.path)) return call.end('unimplemented');
      client.makeUnaryRequest(call.path, pass, pass, bytes, (error, answer) => {
        if (error || !answer) return call.end('unimplemented');
        void call.send(answer).then(() => call.end());
      });
    });
  }

  async stop(): Promise<void> {
    this.rule({});
    await this.#stopCoordinator();
    await this.#server?.stop();
  }
}

function framesOf(type: string, bytes: Buffer): Json[] {
  return (decode(typeOf(type), bytes).brief['frames'] ?? []) as Json[];
}

function kindOf(frame: Json): string {
  return Object.keys(frame).find((key) => key !== 'requestId') ?? '';
}
