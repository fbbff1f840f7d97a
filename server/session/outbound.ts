/**
 * The messages to one peer. The transport pulls them: a message is made only when the transport can take one.
 * There are three lanes: control first, then commands, then events. All frames that are ready travel in one
 * message. There is no timer; the stream wakes once a tick.
 */
import type { KelpieError } from '../core/errors.js';
import type { Feed } from '../delivery/feed.js';
import { encodeFrame, encodeResponse, type Frame, type FramePart } from '../delivery/frames.js';
import { Wakeup } from '../core/wakeup.js';
import { Latch } from '../core/latch.js';

/** Above this the coordinator stops reading the peer, so that answers to it cannot pile up. */
const CONTROL_BYTES = 256 * 1024;

/** Commands and results that wait, above which no more are taken. */
const OFFERS = 1000;
const OFFER_BYTES = 2 * 1024 * 1024;
/** So many bytes of a lane go in one message. */
const MESSAGE_BYTES = 256 * 1024;

/** A frame of the lane of commands. It is made when it goes out, if it is still wanted then. */
export interface Offer {
  /** About. */
  readonly bytes: number;
  /** The frame; undefined if it is not wanted any more. It is on its way now. */
  take(): FramePart | undefined;
  /** It will not go out. */
  drop(): void;
}

/** A frame that is nobody's loss. `onGone`: the frame does not wait any more. */
export function frameOffer(
  frame: Frame,
  requestId = 0,
  onGone: () => void = () => undefined,
): Offer {
  const part = encodeFrame(frame, requestId);
  const take = (): FramePart => {
    onGone();
    return part;
  };
  return { bytes: part.length, take, drop: onGone };
}

export class Outbound {
  #control: FramePart[] = [];
  #controlBytes = 0;
  /** Frames that are made when they are pulled, because only their newest state counts. */
  readonly #latest: () => readonly FramePart[];
  #offers: Offer[] = [];
  #offerBytes = 0;
  #feed: Pick<Feed, 'next'> | undefined;
  #ended: { error: KelpieError | undefined } | undefined;
  #onEnd: (() => void) | undefined;
  readonly #wakeup = new Wakeup();
  readonly #room = new Latch();
  /** Messages that the transport has taken, and whether it has not come back for the next one. */
  #messages = 0;
  #handed = false;
  #seen = { messages: -1, atMs: 0 };

  constructor(latest: () => readonly FramePart[]) {
    this.#latest = latest;
  }

  /** Queues a control frame. */
  send(frame: Frame, requestId = 0): void {
    if (this.#ended) return;
    const bytes = encodeFrame(frame, requestId);
    this.#control.push(bytes);
    this.#controlBytes += bytes.length;
    this.wake();
  }

  /** Queues a frame of a command. False: there is no room, or the stream ends. */
  offer(offer: Offer): boolean {
    const full = this.#offers.length >= OFFERS || this.#offerBytes >= OFFER_BYTES;
    if (this.#ended || full) return false;
    this.queue(offer);
    return true;
  }

  /** Queues a small frame of a command for which there is room in any case: somebody else has bounded it. */
  queue(offer: Offer): void {
    if (this.#ended) return offer.drop();
    this.#offers.push(offer);
    this.#offerBytes += offer.bytes;
    this.wake();
  }

  /** Bytes of control frames and commands that wait. */
  get queuedBytes(): number {
    return this.#controlBytes + this.#offerBytes;
  }

  /** How long the transport has taken nothing, as far as earlier calls have seen. 0: nothing waits for it. */
  stalledMs(nowMs: number): number {
    const messages = this.#messages;
    if (!this.#handed || messages !== this.#seen.messages) this.#seen = { messages, atMs: nowMs };
    return nowMs - this.#seen.atMs;
  }

  /** Connects the event lane. */
  follow(feed: Pick<Feed, 'next'>): void {
    this.#feed = feed;
    this.wake();
  }

  /** Looks again whether there is something to send, at the end of this tick. */
  readonly wake = this.#wakeup.wake;

  /** Calls back once, when the stream begins to end. */
  onEnd(call: () => void): void {
    this.#onEnd = call;
  }

  /** Ends after what is queued in the control lane; with an error if one is given. */
  end(error?: KelpieError): void {
    if (!this.#ended) {
      this.#ended = { error };
      this.#onEnd?.();
    }
    for (const offer of this.#offers.splice(0)) offer.drop();
    this.#offerBytes = 0;
    this.#room.open();
    this.wake();
  }

  /** Resolves when the control lane has room again; undefined if it has. */
  room(): Promise<void> | undefined {
    if (this.#controlBytes < CONTROL_BYTES || this.#ended) return undefined;
    return this.#room.wait();
  }

  /** The messages of the stream. Throws the error of `end`. */
  async *messages(): AsyncGenerator<Uint8Array> {
    for (;;) {
      const frames = this.#takeControl();
      this.#takeOffers(frames);
      const event = this.#nextEvent();
      if (event) frames.push(event);
      if (frames.length > 0) {
        this.#handed = true;
        yield encodeResponse(frames);
        this.#handed = false;
        this.#messages++;
      } else if (this.#ended) break;
      else await this.#wakeup.wait();
    }
    if (this.#ended.error) throw this.#ended.error;
  }

  #takeOffers(frames: FramePart[]): void {
    for (let bytes = 0; bytes < MESSAGE_BYTES;) {
      const offer = this.#offers.shift();
      if (!offer) return;
      this.#offerBytes -= offer.bytes;
      bytes += offer.bytes;
      const frame = offer.take();
      if (frame) frames.push(frame);
    }
  }

  #nextEvent(): FramePart | undefined {
    return this.#ended ? undefined : this.#feed?.next();
  }

  #takeControl(): FramePart[] {
    let bytes = 0;
    let count = 0;
    for (const { length } of this.#control) {
      if (bytes >= MESSAGE_BYTES) break;
      bytes += length;
      count += 1;
    }
    const frames = this.#control.splice(0, count);
    this.#controlBytes -= bytes;
    frames.push(...this.#latest());
    if (this.#controlBytes < CONTROL_BYTES) this.#room.open();
    return frames;
  }
}
