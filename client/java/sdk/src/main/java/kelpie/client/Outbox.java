package kelpie.client;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Map;
import kelpie.v1.Ack;
import kelpie.v1.ConnectRequest;
import kelpie.v1.NodeFrame;
import kelpie.v1.Publish;

/** Frames for the coordinator. The stream takes a message when it has room: all frames that are ready and fit. */
final class Outbox {
  /** The largest message before the Welcome. */
  private static final int MESSAGE_BYTES = 1024 * 1024;

  /** The most frames that wait until the coordinator reads them: more than all requests that may wait. */
  private static final int MOST_BYTES = 32 * 1024 * 1024;

  private static final int MOST_FRAMES = 100_000;
  /** The part of a message for frames. The rest has room for publishes. */
  private static final double FRAMES_SHARE = 0.6;
  /** Room in a message for everything beside its frames and publishes: an Ack, lengths. */
  private static final int BESIDE_BYTES = 1024;
  /** Bytes before each frame. */
  private static final int LENGTH_BYTES = 6;

  private final Publisher publisher;
  private final Deque<NodeFrame> ready = new ArrayDeque<>();
  private long bytes;
  private boolean ended;
  /** Publishes may go out. They wait for the Welcome, which has the sequence where they continue. */
  private boolean open;
  /** The newest acknowledgement, or 0. Unless it is due, it waits for another frame to travel with. */
  private long ack;
  private boolean ackDue;
  private int messageBytes = MESSAGE_BYTES;

  Outbox(Publisher publisher) {
    this.publisher = publisher;
  }

  /** Returns the bytes of the frame. After {@code end} it drops the frame. Throws PAYLOAD_TOO_LARGE if no message has room for it. */
  int send(NodeFrame frame) {
    int size = frame.getSerializedSize();
    int limit = messageBytes - BESIDE_BYTES;
    if (size > limit) throw tooLarge(size, limit);
    if (ended) return size;
    ready.add(frame);
    bytes += size;
    return size;
  }

  private static KelpieException tooLarge(int size, int limit) {
    String message = "a request of " + size + " bytes does not fit in a message; the limit is " + limit;
    Map<String, String> metadata = Map.of("bytes", String.valueOf(size), "limit", String.valueOf(limit));
    return Errors.permanent(Reason.PAYLOAD_TOO_LARGE, message, metadata);
  }

  /** Whether so many frames wait that no more may be added. */
  boolean full() {
    return bytes >= MOST_BYTES || ready.size() >= MOST_FRAMES;
  }

  /** The limit of the coordinator. */
  void limit(int most) {
    messageBytes = most;
  }

  /** Acknowledges all events up to a sequence: at once if that is due, else with the next message. */
  void acknowledge(long sequence, boolean due) {
    if (ended) return;
    ack = sequence;
    ackDue |= due;
  }

  /** Publishes may go out. */
  void open() {
    open = !ended;
  }

  /** Publishes that wait go out on the next stream. */
  void hold() {
    open = false;
  }

  /** The client's side ends after the ready frames. */
  void end() {
    ended = true;
    hold();
  }

  boolean ended() {
    return ended;
  }

  /** Whether nothing goes out any more. */
  boolean finished() {
    return ended && ready.isEmpty();
  }

  /** The next message; null if nothing is ready. */
  ConnectRequest take() {
    ConnectRequest.Builder message = ConnectRequest.newBuilder();
    int taken = takeFrames(message);
    if (open && ready.isEmpty()) {
      Publish publish = publisher.take(messageBytes - BESIDE_BYTES - taken);
      if (publish != null) message.addFrames(NodeFrame.newBuilder().setPublish(publish));
    }
    if (ack > 0 && (ackDue || message.getFramesCount() > 0)) {
      // First, since nothing comes after a Goodbye.
      message.addFrames(0, NodeFrame.newBuilder().setAck(Ack.newBuilder().setSequence(ack)));
      ack = 0;
      ackDue = false;
    }
    return message.getFramesCount() == 0 ? null : message.build();
  }

  /** Adds the first frames that fit; at least one, unless none is ready. Returns their bytes. */
  private int takeFrames(ConnectRequest.Builder message) {
    int taken = 0;
    while (!ready.isEmpty()) {
      int size = ready.peek().getSerializedSize();
      if (taken > 0 && taken + size > FRAMES_SHARE * messageBytes) break;
      message.addFrames(ready.remove());
      bytes -= size;
      taken += size + LENGTH_BYTES;
    }
    return taken;
  }
}
