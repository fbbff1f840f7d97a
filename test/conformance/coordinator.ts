/** A coordinator whose frames a scenario sends. By itself it gives only the answers that every coordinator gives. */
import { KelpieError, type ReasonName, reasons } from '../../server/core/errors.js';
import { decode, encode, expanded, type Json, methods, typeOf } from './contract.js';
import { Call, type GrpcServer, serveGrpc } from './grpc.js';
import { difference, type Captured, fits, shown } from './match.js';
import type { Transcript } from './transcript.js';
import type { TlsOptions } from 'node:tls';

const CONNECT = '/kelpie.v1.SessionService/Connect';
const FRAME = typeOf('CoordinatorFrame');
const NODE_FRAME = typeOf('NodeFrame');

/** A frame that the node sent. */
interface Received {
  readonly kind: string;
  readonly full: Json;
  readonly brief: Json;
  taken: boolean;
}

/** The frames to which the coordinator answers by itself. A scenario takes them over by the names in `manual`. */
const OWN_ANSWERS: Record<string, (stream: Stream, value: Json) => readonly Json[]> = {
  heartbeat: () => [{ heartbeatAck: {} }],
  updateSubscription: (stream, value) => {
    const updated = { subscriptionUpdated: { cursor: stream.position } };
    const topics = value['addedTopics'] as string[];
    const isWanted = value['startAt'] === 'START_AT_SNAPSHOT' && topics.length > 0;
    return isWanted ? [updated, stream.snapshot(topics)] : [updated];
  },
  updateOwnNode: () => [{ requestOk: {} }],
  commandReply: () => [{ requestOk: {} }],
  syncPlayers: (_, value) => {
    const players = value['players'] as Json[];
    const results = players.map(({ id, generation }) => ({ playerId: id, generation }));
    return [{ playersSynced: { results } }];
  },
};

/** The decisions of a scenario for all streams. */
export interface Manner {
  manual: readonly string[];
  /** The rows of the snapshots that the coordinator sends by itself. */
  rows: readonly unknown[];
}

/** One stream of the node. */
export class Stream {
  readonly name: string;
  readonly call: Call;
  readonly frames: Received[] = [];
  /** The cursor up to which the node has everything. */
  position: unknown = 3;
  /** The node has ended its side, or the stream. */
  isOver = false;
  readonly #transcript: Transcript;
  readonly #manner: Manner;

  constructor(name: string, call: Call, transcript: Transcript, manner: Manner) {
    this.name = name;
    this.call = call;
    this.#transcript = transcript;
    this.#manner = manner;
    call.on('message', (bytes) => this.#receive(bytes));
    call.on('end', () => this.#over('the node ended its side'));
    call.on('close', () => this.#over('closed'));
    call.respond();
  }

  #over(how: string): void {
    if (!this.isOver) this.#transcript.add(`${this.name} ${how}`);
    this.isOver = true;
  }

  #receive(bytes: Buffer): void {
    const { full, brief } = decode(typeOf('ConnectRequest'), bytes);
    const frames = (full['frames'] ?? []) as Json[];
    for (const [index, frame] of frames.entries()) {
      const shortened = ((brief['frames'] ?? []) as Json[])[index] ?? {};
      const kind = Object.keys(shortened).find((key) => key !== 'requestId') ?? 'empty';
      this.frames.push({ kind, full: frame, brief: shortened, taken: false });
      this.#transcript.add(`${this.name} → ${JSON.stringify(shortened)}`);
      void this.#answer(kind, frame);
    }
  }

  async #answer(kind: string, frame: Json): Promise<void> {
    if (this.#manner.manual.includes(kind)) return;
    const { requestId = 0, [kind]: value } = frame;
    const answers = OWN_ANSWERS[kind]?.(this, value as Json) ?? [];
    const wanted = answers.filter((one) => requestId !== 0 || !('requestOk' in one));
    if (wanted.length > 0) await this.send(wanted.map((one) => ({ requestId, ...one })));
    if (kind === 'goodbye') {
      if (requestId !== 0) await this.send([{ requestId, requestOk: {} }]);
      this.end();
    }
  }

  get hello(): Json {
    return (this.frames.find(({ kind }) => kind === 'hello')?.full['hello'] ?? {}) as Json;
  }

  snapshot(topics: readonly string[]): Json {
    return { snapshot: { cursor: this.position, topics, rows: this.#manner.rows, complete: true } };
  }

  /** Sends frames in one message. Resolves when it has left. */
  async send(frames: readonly unknown[]): Promise<void> {
    for (const frame of frames) {
      this.#transcript.add(`${this.name} ← ${JSON.stringify(frame)}`);
      this.#follow(expanded(FRAME, frame) as Json);
    }
    await this.call.send(encode(typeOf('ConnectResponse'), { frames }));
  }

  /** Keeps the position as the node has it after this frame. */
  #follow(frame: Json): void {
    const places = { welcome: 'cursor', snapshot: 'cursor', eventBatch: 'upTo', gap: 'resumesAt' };
    for (const [kind, field] of Object.entries(places)) {
      const value = frame[kind] as Json | undefined;
      if (value?.[field] === undefined) continue;
      if (kind === 'gap' && ((value['topics'] ?? []) as unknown[]).length > 0) continue;
      this.position = value[field];
    }
  }

  /** Ends the stream: in order, or with an error. */
  end(error?: EndOf): void {
    this.#transcript.add(`${this.name} ends with ${error ? JSON.stringify(error) : 'OK'}`);
    this.call.end(error && errorOf(error));
  }

  cut(): void {
    this.#transcript.add(`${this.name} is cut`);
    this.call.cut();
  }

  /** The oldest frame of its kind that no step has taken; with `skips` the oldest one that fits. */
  take(pattern: unknown, captured: Captured, skips = false): Received | string | undefined {
    const wanted = expanded(NODE_FRAME, pattern) as Json;
    const kind = Object.keys(wanted).find((key) => key !== 'requestId');
    for (const frame of this.frames) {
      if (frame.taken || frame.kind !== kind) continue;
      if (fits(wanted, frame.full, captured)) {
        frame.taken = true;
        return frame;
      }
      if (skips) continue;
      const what = difference(wanted, frame.full, new Map(captured)) ?? '';
      return `${kind}: ${what}, in ${shown(frame.brief)}`;
    }
    return undefined;
  }
}

/** The end of a stream or call, as a scenario writes it. */
export interface EndOf {
  readonly reason: ReasonName;
  readonly message?: string;
  readonly metadata?: Record<string, string>;
  readonly retryAfterMs?: number;
}

function errorOf({ reason, message, metadata, retryAfterMs }: EndOf): KelpieError {
  if (!(reason in reasons)) throw new Error(`the contract has no reason ${reason}`);
  const text = message ?? `the scenario refuses it with ${reason}`;
  return new KelpieError(
    reason,
    text,
    metadata,
    retryAfterMs === undefined ? {} : { retryAfterMs },
  );
}

/** The answer to a call: a message, or an error. */
export type Served = { readonly ok: unknown } | { readonly error: EndOf };

/** A call that is no stream of a node. */
interface Called {
  readonly method: string;
  readonly full: Json;
  readonly authorization: string | undefined;
  taken: boolean;
}

/** A coordinator at a port. */
export class Endpoint {
  readonly streams: Stream[] = [];
  /** The answers to calls, by the name of the method. Others are UNIMPLEMENTED. */
  readonly served = new Map<string, Served>();
  readonly called: Called[] = [];
  /** How many of the streams a step has accepted. */
  accepted = 0;
  #server: GrpcServer | undefined;

  static async start(
    name: string,
    transcript: Transcript,
    manner: Manner,
    tls?: TlsOptions,
  ): Promise<Endpoint> {
    const endpoint = new Endpoint();
    const onCall = (call: Call): void => {
      if (call.path !== CONNECT) return endpoint.#unary(call, transcript);
      const number = endpoint.streams.length + 1;
      const stream = `${name}${number}`;
      transcript.add(`${stream} opens${shownToken(call)}`);
      endpoint.streams.push(new Stream(stream, call, transcript, manner));
      transcript.add(`${stream} is open`);
    };
    endpoint.#server = await serveGrpc(onCall, tls);
    return endpoint;
  }

  #unary(call: Call, transcript: Transcript): void {
    const type = methods.get(call.path);
    const method = call.path.split('/').at(-1) ?? '';
    call.once('message', (bytes) => {
      const request = type ? decode(type.input, bytes) : { full: {}, brief: {} };
      const { authorization } = call.headers;
      this.called.push({ method, full: request.full, authorization, taken: false });
      transcript.add(`call ${method} ${JSON.stringify(request.brief)}${shownToken(call)}`);
      const answer = this.served.get(method);
      if (!answer || !type) return call.end('unimplemented');
      if ('error' in answer) return call.end(errorOf(answer.error));
      void call.send(encode(type.output, answer.ok)).then(() => call.end());
    });
  }

  get address(): string {
    return `127.0.0.1:${this.#server?.port}`;
  }

  /** When clients tried to connect while it was away, in milliseconds. */
  get attemptsAway(): readonly number[] {
    return this.#server?.attemptsAway ?? [];
  }

  away(): void {
    this.#server?.away();
  }

  back(): void {
    this.#server?.back();
  }

  async stop(): Promise<void> {
    await this.#server?.stop();
  }
}

function shownToken({ headers }: Call): string {
  return headers.authorization === undefined ? '' : ` with ${headers.authorization}`;
}
