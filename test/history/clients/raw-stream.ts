/** One stream of a node without the SDK: it starts where it likes, and goes on where the SDK would stop. */
import { randomBytes } from 'node:crypto';
import { grpcTransport } from '../../../client/connection/transport.js';
import { ErrorReason } from '../../../gen/ts/kelpie/v1/error.js';
import { StartAt } from '../../../gen/ts/kelpie/v1/cursor.js';
import { NodeRole } from '../../../gen/ts/kelpie/v1/node.js';
import {
  type ConnectRequest,
  type CoordinatorFrame,
  GoodbyeReason,
  Heartbeat,
  Hello,
  type NodeFrame,
  type PublishAck,
  type Welcome,
} from '../../../gen/ts/kelpie/v1/session_service.js';
import { cursorOf, type Recorder } from '../recorder.js';
import type { Position } from '../steps.js';

type Frame = NonNullable<NodeFrame['frame']>;

/** How often it shows that it lives. */
const BEAT_MS = 1000;

export interface RawOptions {
  readonly name: string;
  readonly endpoint: string;
  /** 16 bytes. */
  readonly instance?: Buffer;
  readonly topics?: readonly string[];
  /** Default: LATEST. */
  readonly start?: Position;
}

export class RawStream {
  readonly #recorder: Recorder;
  readonly #name: string;
  readonly #frames: Frame[] = [];
  readonly #abort = new AbortController();
  #wake: () => void = () => undefined;
  #ended = false;
  #welcomed: (welcome: Welcome | undefined) => void = () => undefined;
  /** The Welcome; undefined if the stream ended without one. */
  readonly welcome = new Promise<Welcome | undefined>((resolve) => (this.#welcomed = resolve));
  readonly closed: Promise<void>;
  /** The ids of the publishes without an acknowledgement, from the oldest on. */
  readonly #unsettled: { readonly number: number; readonly id: string }[] = [];

  constructor(recorder: Recorder, { name, endpoint, instance, topics = [], start }: RawOptions) {
    this.#recorder = recorder;
    this.#name = name;
    this.#send({
      $case: 'hello',
      value: Hello.create({
        ...{ name, role: NodeRole.SERVICE, instanceId: instance ?? randomBytes(16) },
        topics: [...topics],
        start: {
          place: start
            ? { $case: 'after', value: cursorOf(start) }
            : { $case: 'at', value: StartAt.LATEST },
        },
      }),
    });
    this.closed = this.#run(recorder.over(name, grpcTransport(endpoint)));
  }

  async #run(transport: ReturnType<Recorder['over']>): Promise<void> {
    const beat = setInterval(() => this.#beat(), BEAT_MS);
    try {
      for await (const { frames } of transport(this.#requests(), this.#abort.signal))
        for (const { frame } of frames) this.#take(frame);
    } catch {
      // The recorder has the reason.
    } finally {
      clearInterval(beat);
      this.#welcomed(undefined);
      this.#end();
    }
  }

  async *#requests(): AsyncGenerator<ConnectRequest> {
    for (;;) {
      const frames = this.#frames.splice(0).map((frame) => ({ requestId: 0, frame }));
      if (frames.length > 0) yield { frames };
      else if (this.#ended) return;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  #take(frame: CoordinatorFrame['frame']): void {
    switch (frame?.$case) {
      case 'welcome':
        return this.#welcomed(frame.value);
      case 'eventBatch':
        return this.#send({ $case: 'ack', value: { sequence: frame.value.upTo?.sequence ?? 0 } });
      case 'heartbeatRequested':
        return this.#beat();
      case 'publishAck':
        return this.#settle(frame.value);
      default:
        return undefined;
    }
  }

  #beat(): void {
    this.#send({ $case: 'heartbeat', value: Heartbeat.create() });
  }

  #send(frame: Frame): void {
    this.#frames.push(frame);
    this.#wake();
  }

  #settle({ publishSequence: upTo, rejections }: PublishAck): void {
    const errors = new Map(rejections.map((one) => [one.publishSequence, one.error?.reason]));
    while ((this.#unsettled[0]?.number ?? Infinity) <= upTo) {
      const { id = '', number = 0 } = this.#unsettled.shift() ?? {};
      const refused = errors.get(number) === ErrorReason.OUTCOME_UNKNOWN ? 'unknown' : 'refused';
      const outcome = errors.has(number) ? refused : 'stored';
      this.#recorder.record(this.#name, { kind: 'published', id, outcome });
    }
  }

  /** Publishes one event under this number, whether or not the session is still of its node. */
  publish(number: number, id: string, topic: string): void {
    this.#recorder.record(this.#name, { kind: 'publish', id, topic });
    this.#unsettled.push({ number, id });
    const payload = {
      type: '',
      content: { form: { $case: 'text', value: id } },
      origin: 0,
    } as const;
    const events = [{ topic, payload: { ...payload, attributes: { id } } }];
    this.#send({ $case: 'publish', value: { firstPublishSequence: number, events } });
  }

  /** Leaves in order. */
  async leave(): Promise<void> {
    this.#recorder.record(this.#name, { kind: 'leaves' });
    this.#send({ $case: 'goodbye', value: { reason: GoodbyeReason.STOP } });
    this.#end();
    await this.closed;
  }

  /** Breaks off. The node does not come back. */
  async vanish(): Promise<void> {
    this.#recorder.record(this.#name, { kind: 'vanishes' });
    await this.cut();
  }

  /** Breaks the stream. */
  async cut(): Promise<void> {
    this.#abort.abort();
    this.#end();
    await this.closed;
  }

  #end(): void {
    this.#ended = true;
    this.#wake();
  }
}
