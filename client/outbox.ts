/** What goes to the coordinator, pulled by the stream: all that is ready travels in one message. */
import { type ConnectRequest, NodeFrame } from '../gen/ts/kelpie/v1/session_service.js';
import type { Publisher } from './publisher.js';

/** A frame that a node sends. */
export type Frame = NonNullable<NodeFrame['frame']>;

/** A message has at most 1 MiB: so much of frames, beside which publishes and an Ack find room. */
const MESSAGE_BYTES = 600 * 1024;

interface Ready {
  readonly frame: NodeFrame;
  readonly bytes: number;
}

export class Outbox {
  #ready: Ready[] = [];
  #ended = false;
  #wakeReader: (() => void) | undefined;
  readonly #publisher: Publisher;
  /** The newest acknowledgement, which travels with something else unless it is due. */
  #ack: number | undefined;
  #ackDue = false;
  /** Publishes wait for Welcome, which says where to go on. */
  #open = false;

  constructor(publisher: Publisher) {
    this.#publisher = publisher;
  }

  /** Throws if the frame cannot be encoded. */
  send(body: Frame, requestId = 0): void {
    const frame = { requestId, frame: body };
    this.#ready.push({ frame, bytes: NodeFrame.encode(frame).finish().length });
    this.wake();
  }

  /** Acknowledges up to a sequence; at once if it is due, else with the next message. */
  acknowledge(sequence: number, due: boolean): void {
    this.#ack = sequence;
    this.#ackDue ||= due;
    if (due) this.wake();
  }

  /** Publishes may go out. */
  open(): void {
    this.#open = true;
    this.wake();
  }

  /** Ends the stream after what is ready. What is to be published is for the next one. */
  end(): void {
    this.#ended = true;
    this.#open = false;
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
    const frames = this.#fitting();
    const open = this.#open && this.#ready.length === 0;
    const publish = open ? this.#publisher.take() : undefined;
    if (publish) frames.push({ requestId: 0, frame: { $case: 'publishEvents', value: publish } });
    if (this.#ack !== undefined && (this.#ackDue || frames.length > 0)) {
      frames.push({ requestId: 0, frame: { $case: 'ack', value: { sequence: this.#ack } } });
      this.#ack = undefined;
      this.#ackDue = false;
    }
    return frames;
  }

  /** The first frames that fit in a message, at least one if there is one. */
  #fitting(): NodeFrame[] {
    let [count, bytes] = [0, 0];
    for (const one of this.#ready) {
      if (count > 0 && bytes + one.bytes > MESSAGE_BYTES) break;
      count += 1;
      bytes += one.bytes;
    }
    return this.#ready.splice(0, count).map(({ frame }) => frame);
  }
}
