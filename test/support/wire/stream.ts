/** The streams of a test: it reads their frames in order, and every wait ends with an error in the end. */
import { EventEmitter, once } from 'node:events';
import type { ClientDuplexStream, ClientReadableStream, StatusObject } from '@grpc/grpc-js';
import {
  type Draft,
  type Event,
  type Frame,
  type Frames,
  type Kind,
  type NodeFrame,
  sequenceOf,
  textOf,
  type WireError,
} from './frames.js';
import { type End, endOf } from './status.js';

/** Longer than any step takes: a test that waits this long waits for a frame that never comes. */
const CEILING_MS = 20_000;

/** Frames that come in, flattened, in order. */
export class Incoming {
  /** All frames that came so far. */
  readonly frames: Frame[] = [];
  readonly #call: ClientReadableStream<Frame[]>;
  readonly #news = new EventEmitter();
  #read = 0;
  #end: End | undefined;

  constructor(call: ClientReadableStream<Frame[]>) {
    this.#call = call;
    let status: StatusObject | undefined;
    const settle = (): void => {
      if (!status || !call.readableEnded) return;
      this.#end = endOf(status);
      this.#news.emit('news');
    };
    call.on('data', (frames: Frame[]) => {
      this.frames.push(...frames);
      this.#news.emit('news');
    });
    // The status can overtake frames that are still buffered; the end is when both are through.
    call.on('end', settle);
    call.on('status', (given: StatusObject) => {
      status = given;
      settle();
    });
    // The error repeats the status. Without a listener, Node would throw it.
    call.on('error', () => undefined);
  }

  /** The kinds of all frames that came so far. */
  get kinds(): Kind[] {
    return this.frames.map(({ frame }) => frame);
  }

  /** Sequences of all events that came so far. */
  get sequences(): number[] {
    return this.frames.flatMap(({ event_batch }) => event_batch?.events ?? []).map(sequenceOf);
  }

  /** The next unread frame of any kind. */
  any(): Promise<Frame> {
    return this.#wait(() => true, 'anything');
  }

  /** The next unread frame of one kind. Skips the frames before it. */
  async next<K extends Kind>(kind: K): Promise<Frames[K]> {
    const frame = await this.#wait((one) => one.frame === kind, kind);
    return frame[kind] as Frames[K];
  }

  /** The next frame that answers a request. Skips the frames before it. */
  answer(requestId: number): Promise<Frame> {
    return this.#wait((frame) => frame.request_id === requestId, `an answer to ${requestId}`);
  }

  /** The frame with this index, counted from the first frame of the stream. */
  async at(index: number): Promise<Frame> {
    const giveUp = AbortSignal.timeout(CEILING_MS);
    for (;;) {
      const frame = this.frames[index];
      if (frame) return frame;
      if (this.#end)
        throw new Error(`it ended before frame ${index}: ${JSON.stringify(this.#end)}`);
      await this.#change(`frame ${index}`, giveUp);
    }
  }

  /** The error of the next request that fails. */
  async failure(): Promise<WireError> {
    return (await this.next('request_failed')).error;
  }

  /** The events of the next batches, up to the batch that holds the first wanted event. */
  async until(wanted: (event: Event) => boolean): Promise<Event[]> {
    const events: Event[] = [];
    while (!events.some(wanted)) events.push(...(await this.next('event_batch')).events);
    return events;
  }

  /** The texts of the events of the next batches, up to the batch that holds this text. */
  async texts(last: string): Promise<(string | undefined)[]> {
    return (await this.until((event) => textOf(event) === last)).map(textOf);
  }

  /** Resolves with the end of the stream. */
  async ended(): Promise<End> {
    const giveUp = AbortSignal.timeout(CEILING_MS);
    for (;;) {
      if (this.#end) return this.#end;
      await this.#change('the end', giveUp);
    }
  }

  /** Reads nothing more of the connection until `resume`. */
  pause(): void {
    this.#call.pause();
  }

  resume(): void {
    this.#call.resume();
  }

  /** Breaks the stream off, as a lost connection does. */
  cut(): void {
    this.#call.cancel();
  }

  /** Cancels the stream and waits for its end. */
  leave(): Promise<End> {
    this.cut();
    return this.ended();
  }

  async #wait(wanted: (frame: Frame) => boolean, what: string): Promise<Frame> {
    const giveUp = AbortSignal.timeout(CEILING_MS);
    for (;;) {
      while (this.#read < this.frames.length) {
        const frame = this.frames[this.#read++];
        if (frame && wanted(frame)) return frame;
      }
      if (this.#end) throw new Error(`it ended before ${what} came: ${JSON.stringify(this.#end)}`);
      await this.#change(what, giveUp);
    }
  }

  async #change(what: string, signal: AbortSignal): Promise<void> {
    await once(this.#news, 'news', { signal }).catch(() => {
      throw new Error(`waited in vain for ${what}; so far came ${this.kinds.join(', ')}`);
    });
  }
}

/** The stream of a session. */
export class Stream extends Incoming {
  readonly #call: ClientDuplexStream<object, Frame[]>;
  #cut = false;

  constructor(call: ClientDuplexStream<object, Frame[]>) {
    super(call);
    this.#call = call;
  }

  /** Sends frames in one message. */
  send(...frames: NodeFrame[]): void {
    this.#call.write({ frames });
  }

  /** Sends bytes as one message. They need not be a valid one. */
  sendBytes(bytes: Buffer): void {
    this.#call.write(bytes);
  }

  publish(firstSequence: number, ...events: Draft[]): void {
    this.send({ publish: { first_publish_sequence: firstSequence, events } });
  }

  /** Resolves when the coordinator has acknowledged or rejected this publish sequence. */
  async settled(sequence: number): Promise<Frames['publish_ack']> {
    for (;;) {
      const ack = await this.next('publish_ack');
      if (ack.publish_sequence >= sequence) return ack;
    }
  }

  /** Ends the requests: the node sends no more frames. */
  end(): void {
    this.#call.end();
  }

  override cut(): void {
    this.#cut = true;
    super.cut();
  }

  /** Sends Goodbye and waits for the end of the stream. */
  override leave(): Promise<End> {
    const open = this.#call.writable && !this.#cut;
    if (open) this.send({ goodbye: { reason: 'GOODBYE_REASON_STOP' } });
    return this.ended();
  }
}
