/** Frames for the coordinator. The stream pulls them: a message takes all frames that are ready and fit. */
import {
  type ConnectRequest,
  NodeFrame,
  type Publish,
  type PublishAck,
  type Welcome,
} from '../../gen/ts/kelpie/v1/session_service.js';
import { KelpieError, typed } from '../errors.js';

/** The publishes of a client, which outlive its streams. */
export interface PublishQueue {
  /** A session is open: all events that its coordinator has not settled go out again. */
  restart(welcome: Welcome): void;
  /** The next frame of at most `room` bytes, if there is something to publish. */
  take(room: number): Publish | undefined;
  acknowledge(ack: PublishAck): void;
}

/** A frame that a node sends. */
export type Frame = NonNullable<NodeFrame['frame']>;

/** The largest message before the Welcome. */
const MESSAGE_BYTES = 1024 * 1024;
/** The most frames that wait until the coordinator reads them: more than all requests that may wait. */
const MOST_BYTES = 32 * 1024 * 1024;
const MOST_FRAMES = 100_000;
/** The part of a message for frames. The rest has room for publishes. */
const FRAMES_SHARE = 0.6;
/** Room in a message for everything beside its frames and publishes: an Ack, lengths. */
const BESIDE_BYTES = 1024;
/** Bytes before each frame. */
const LENGTH_BYTES = 6;

interface Ready {
  readonly frame: NodeFrame;
  readonly bytes: number;
}

export class Outbox {
  #ready: Ready[] = [];
  /** The bytes of all ready frames. */
  #bytes = 0;
  #ended = false;
  #wakeReader: (() => void) | undefined;
  readonly #publishes: PublishQueue;
  /** The newest acknowledgement. Unless it is due, it waits for another frame to travel with. */
  #ack: number | undefined;
  #ackDue = false;
  /** Publishes may go out. They wait for the Welcome, which has the sequence where they continue. */
  #open = false;
  #messageBytes = MESSAGE_BYTES;

  constructor(publishes: PublishQueue) {
    this.#publishes = publishes;
  }

  /**
   * Returns the bytes of the frame. After `end` it drops the frame. Throws VALUE_INVALID if the frame cannot be encoded, PAYLOAD_TOO_LARGE if no
   * message has room for it.
   */
  send(body: Frame, requestId = 0): number {
    const frame = { requestId, frame: body };
    const bytes = typed(() => NodeFrame.encode(frame).finish().length);
    const limit = this.#messageBytes - BESIDE_BYTES;
    if (bytes > limit) throw tooLarge(bytes, limit);
    if (this.#ended) return bytes;
    this.#ready.push({ frame, bytes });
    this.#bytes += bytes;
    this.wake();
    return bytes;
  }

  /** Whether so many frames wait that no more may be added. */
  get full(): boolean {
    return this.#bytes >= MOST_BYTES || this.#ready.length >= MOST_FRAMES;
  }

  /** The limit of the coordinator. */
  limit(messageBytes: number): void {
    this.#messageBytes = messageBytes;
  }

  /** Acknowledges all events up to a sequence: at once if that is due, else with the next message. Not after `end`. */
  acknowledge(sequence: number, due: boolean): void {
    if (this.#ended) return;
    this.#ack = sequence;
    this.#ackDue ||= due;
    if (due) this.wake();
  }

  /** Publishes may go out. */
  open(): void {
    this.#open = !this.#ended;
    this.wake();
  }

  /** Publishes that wait go out on the next stream. */
  hold(): void {
    this.#open = false;
  }

  /** Whether the client's side of the stream ends after the ready frames. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Ends the client's side of the stream after the ready frames. */
  end(): void {
    this.#ended = true;
    this.hold();
    this.wake();
  }

  wake(): void {
    const wakeReader = this.#wakeReader;
    if (!wakeReader) return;
    this.#wakeReader = undefined;
    setImmediate(wakeReader);
  }

  async *messages(): AsyncGenerator<ConnectRequest> {
    for (;;) {
      const frames = this.#take();
      if (frames.length > 0) yield { frames };
      else if (this.#ended) return;
      else await new Promise<void>((resolve) => (this.#wakeReader = resolve));
    }
  }

  #take(): NodeFrame[] {
    const { frames, bytes } = this.#fitting();
    const open = this.#open && this.#ready.length === 0;
    const room = this.#messageBytes - BESIDE_BYTES - bytes;
    const publish = open ? this.#publishes.take(room) : undefined;
    if (publish) frames.push({ requestId: 0, frame: { $case: 'publish', value: publish } });
    if (this.#ack !== undefined && (this.#ackDue || frames.length > 0)) {
      // First, since nothing comes after a Goodbye.
      frames.unshift({ requestId: 0, frame: { $case: 'ack', value: { sequence: this.#ack } } });
      this.#ack = undefined;
      this.#ackDue = false;
    }
    return frames;
  }

  /** The first frames that fit in a message; at least one, unless none is ready. */
  #fitting(): { frames: NodeFrame[]; bytes: number } {
    let [count, bytes] = [0, 0];
    for (const one of this.#ready) {
      if (count > 0 && bytes + one.bytes > FRAMES_SHARE * this.#messageBytes) break;
      count += 1;
      bytes += one.bytes + LENGTH_BYTES;
    }
    const taken = this.#ready.splice(0, count);
    for (const one of taken) this.#bytes -= one.bytes;
    return { frames: taken.map(({ frame }) => frame), bytes };
  }
}

function tooLarge(bytes: number, limit: number): KelpieError {
  const message = `a request of ${bytes} bytes does not fit in a message; the limit is ${limit}`;
  const metadata = { bytes: String(bytes), limit: String(limit) };
  return new KelpieError('PAYLOAD_TOO_LARGE', message, { metadata, permanent: true });
}
