/**
 * Messages that many streams get are framed for gRPC once. grpc-js copies each message for each stream: a batch for
 * fifty readers is so fifty times in memory, outlives the small collections of V8 while the sockets take it, and the
 * full collections that follow cost more than the delivery.
 *
 * grpc-js hides the method that copies. No other file knows it.
 */

/** Node.js takes smaller buffers from a pool: they are cheap to copy, and a note for each would cost more. */
const SHARED_BYTES = 4096;

/** A call of grpc-js: `serializeMessage` returns the frame of a message, which is not changed afterwards. */
interface Hidden {
  serializeMessage(message: unknown): Buffer;
}

/** The frames of messages, for as long as somebody has the message. */
const frames = new WeakMap<Uint8Array, Buffer>();

/** The call shares the frames of its messages, which are bytes, with the other calls that send the same object. */
export function shareMessages(call: object): void {
  const hidden = call as Hidden;
  const frame = hidden.serializeMessage.bind(call);
  hidden.serializeMessage = (message) => {
    if (!(message instanceof Uint8Array) || message.length < SHARED_BYTES) return frame(message);
    const known = frames.get(message) ?? frame(message);
    frames.set(message, known);
    return known;
  };
}
