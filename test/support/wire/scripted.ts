/**
 * Coordinators that a test plays, and a client that talks to them over transports without a socket, by a clock
 * that the test moves. The coordinator sends only the frames of the test.
 */
import type { Clock } from '../../../client/core/clock.js';
import { KelpieClient } from '../../../client/client.js';
import type { Transport } from '../../../client/connection/transport.js';
import type { ConnectOptions } from '../../../client/options.js';
import type { Status } from '../../../client/status.js';
import type { Cursor } from '../../../gen/ts/kelpie/v1/cursor.js';
import { ErrorDetail, ErrorReason } from '../../../gen/ts/kelpie/v1/error.js';
import {
  type ConnectRequest,
  ConnectResponse,
  type CoordinatorFrame,
  type Hello,
  type NodeFrame,
  Welcome,
} from '../../../gen/ts/kelpie/v1/session_service.js';
import { FakeClock } from '../clock/fake-clock.js';
import { settled } from '../journal/history.js';
import { messageEvent } from './messages.js';

type Sent = NonNullable<CoordinatorFrame['frame']>;
type Received = NonNullable<NodeFrame['frame']>;
type Kind = Received['$case'];
type ValueOf<K extends Kind> = Extract<Received, { $case: K }>['value'];

/** Enough for a frame to pass both ways. */
const TURNS = 10;

/** One stream of the client. */
export class ScriptedStream {
  /** The frames that the client sent on it. */
  readonly frames: NodeFrame[] = [];
  /** Frames that came in one message, by the message. */
  readonly messages: NodeFrame[][] = [];
  readonly #signal: AbortSignal;
  readonly #waiting: (ConnectResponse | { readonly end: Error | undefined })[] = [];
  #wake = (): void => undefined;
  /** The client has ended its requests. */
  finished = false;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    const aborted = new Error('the client broke the stream off');
    signal.addEventListener('abort', () => void this.break(aborted));
  }

  /** The client broke the stream off. */
  get aborted(): boolean {
    return this.#signal.aborted;
  }

  get hello(): Hello | undefined {
    return this.values('hello')[0];
  }

  get kinds(): Kind[] {
    return this.frames.flatMap(({ frame }) => frame?.$case ?? []);
  }

  /** The values of the frames of one kind. */
  values<K extends Kind>(kind: K): ValueOf<K>[] {
    return this.requests(kind).map(({ value }) => value);
  }

  /** The frames of one kind with their request numbers. */
  requests<K extends Kind>(kind: K): { readonly id: number; readonly value: ValueOf<K> }[] {
    return this.frames.flatMap(({ requestId: id, frame }) =>
      frame?.$case === kind ? { id, value: frame.value as ValueOf<K> } : [],
    );
  }

  /** Sends frames in one message. */
  async send(...frames: (Sent | undefined)[]): Promise<void> {
    return this.#push({ frames: frames.map((frame) => ({ requestId: 0, frame })) });
  }

  /** Answers a request. */
  async answer(requestId: number, frame: Sent): Promise<void> {
    return this.#push({ frames: [{ requestId, frame }] });
  }

  async refuse(requestId: number, reason: keyof typeof ErrorReason, code = 9): Promise<void> {
    const error = errorOf(reason, code);
    return this.answer(requestId, { $case: 'requestFailed', value: { error } });
  }

  async welcome(more: Partial<Welcome> = {}): Promise<void> {
    const value = Welcome.create({ cursor: cursorAt(0), nodeName: 'lobby-1', ...more });
    return this.send({ $case: 'welcome', value });
  }

  /** Sends events of `chat.global`, one batch with these sequences. */
  async events(after: number, ...sequences: number[]): Promise<void> {
    const events = sequences.map((one) => messageEvent(String(one), 'chat.global', one));
    const value = { afterSequence: after, upTo: cursorAt(sequences.at(-1) ?? after), events };
    return this.send({ $case: 'eventBatch', value });
  }

  /** Ends the stream as a coordinator does that was left. */
  async end(): Promise<void> {
    this.#waiting.push({ end: undefined });
    return this.#pass();
  }

  /** Ends the stream with an error. */
  async break(error: Error): Promise<void> {
    this.#waiting.push({ end: error });
    return this.#pass();
  }

  #push(response: ConnectResponse): Promise<void> {
    // As bytes, so that no object is shared.
    this.#waiting.push(ConnectResponse.decode(ConnectResponse.encode(response).finish()));
    return this.#pass();
  }

  #pass(): Promise<void> {
    this.#wake();
    return settled(TURNS);
  }

  async *run(requests: AsyncIterable<ConnectRequest>): AsyncGenerator<ConnectResponse> {
    void this.#receive(requests);
    for (;;) {
      const next = this.#waiting.shift();
      if (!next) await new Promise<void>((resolve) => (this.#wake = resolve));
      else if ('frames' in next) yield next;
      else if (next.end) throw next.end;
      else return;
    }
  }

  async #receive(requests: AsyncIterable<ConnectRequest>): Promise<void> {
    for await (const { frames } of requests) {
      this.messages.push(frames);
      this.frames.push(...frames);
    }
    this.finished = true;
  }
}

/** A coordinator at one endpoint. */
export class ScriptedCoordinator {
  /** All streams that the client opened to it. */
  readonly streams: ScriptedStream[] = [];

  readonly transport: Transport = (requests, signal) => {
    const stream = new ScriptedStream(signal);
    this.streams.push(stream);
    return stream.run(requests);
  };

  /** The newest stream. */
  get stream(): ScriptedStream {
    const stream = this.streams.at(-1);
    if (!stream) throw new Error('the client has opened no stream here');
    return stream;
  }
}

/** A client, and the coordinators that it may choose from. */
export class Scripted {
  readonly clock = new FakeClock();
  readonly coordinators: readonly ScriptedCoordinator[];
  readonly client: KelpieClient;
  readonly statuses: Status[] = [];
  /** The random number of the client, from 0 to below 1. */
  random = 0;

  /** @param places the number of endpoints of the client */
  constructor(options: Partial<ConnectOptions> = {}, places = 1) {
    this.coordinators = Array.from({ length: places }, () => new ScriptedCoordinator());
    const routes = this.coordinators.map(({ transport }, place) => ({
      endpoint: `place-${place}`,
      transport,
    }));
    const clock: Clock = {
      now: () => this.clock.now(),
      after: (delayMs, ring) => this.clock.after(delayMs, ring),
      random: () => this.random,
    };
    const all = { name: 'lobby-1', role: 'DOWNSTREAM', start: 'LATEST', ...options } as const;
    this.client = new KelpieClient(all, { clock, routes });
    void this.#collect();
  }

  /** A client whose session is open. */
  static async welcomed(options: Partial<ConnectOptions> = {}, places = 1): Promise<Scripted> {
    const scripted = new Scripted(options, places);
    await settled(TURNS);
    await scripted.stream.welcome();
    return scripted;
  }

  async #collect(): Promise<void> {
    for await (const status of this.client.status()) this.statuses.push(status);
  }

  /** All streams, oldest first for each endpoint. */
  get streams(): ScriptedStream[] {
    return this.coordinators.flatMap(({ streams }) => streams);
  }

  /** The newest stream of one endpoint. */
  at(place: number): ScriptedStream {
    const coordinator = this.coordinators[place];
    if (!coordinator) throw new Error(`there is no endpoint ${place}`);
    return coordinator.stream;
  }

  /** The newest stream of the first endpoint. */
  get stream(): ScriptedStream {
    return this.at(0);
  }

  /** The statuses of one kind. */
  all<Type extends Status['type']>(type: Type): Extract<Status, { type: Type }>[] {
    return this.statuses.filter((one): one is Extract<Status, { type: Type }> => one.type === type);
  }

  /** Time passes, and everything happens that is due. */
  async pass(ms: number): Promise<void> {
    this.clock.advance(ms);
    await settled(TURNS);
  }

  /** Ends the client, whatever its streams are waiting for. */
  async close(): Promise<void> {
    const closed = this.client.close();
    await this.pass(5000);
    await this.pass(5000);
    await closed;
  }
}

export function cursorAt(sequence: number): Cursor {
  return { epoch: new Uint8Array(16), sequence, tag: 1 };
}

export function errorOf(reason: keyof typeof ErrorReason, code = 9): ErrorDetail {
  return ErrorDetail.create({ reason: ErrorReason[reason], code, message: `it is ${reason}` });
}

/** An error that a coordinator ends a stream with. */
export function thrownError(reason: string, code: number, retryAfterMs?: number): Error {
  return Object.assign(new Error(`it is ${reason}`), { reason, code, metadata: {}, retryAfterMs });
}
