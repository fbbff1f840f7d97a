package kelpie.client;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntUnaryOperator;
import kelpie.v1.CoordinatorFrame;

/** Requests of one stream that wait for their answers. When the stream ends, they fail. */
final class Requests {
  /** The most requests that wait, and their bytes. The client refuses more. */
  static final int MOST_REQUESTS = 10_000;

  static final int MOST_BYTES = 16 * 1024 * 1024;

  private record Waiting(Session.Waiter waiter, int bytes) {}

  private final Map<Integer, Waiting> waiting = new HashMap<>();
  private long bytes;
  private int last;

  /**
   * Sends a request with a new number, and returns the number. {@code send} returns the bytes of the request. Throws
   * REQUEST_QUEUE_FULL if too many wait.
   */
  int open(Session.Waiter waiter, IntUnaryOperator send) {
    if (waiting.size() >= MOST_REQUESTS || bytes >= MOST_BYTES) throw full(waiting.size(), bytes);
    int requestId = last + 1;
    int size = send.applyAsInt(requestId);
    last = requestId;
    bytes += size;
    waiting.put(requestId, new Waiting(waiter, size));
    return requestId;
  }

  /** Gives an answer to the request that waits for it. */
  void answer(CoordinatorFrame frame) {
    Waiting one = waiting.get(frame.getRequestId());
    if (one != null && one.waiter.answer(frame)) remove(frame.getRequestId());
  }

  /** The coordinator refused a request. Returns false if no such request waits. */
  boolean refuse(int requestId, KelpieException error) {
    Waiting one = remove(requestId);
    if (one == null) return false;
    one.waiter.fail(error);
    return true;
  }

  /** The stream has ended: all requests fail with UNAVAILABLE. */
  void drop() {
    List<Waiting> all = List.copyOf(waiting.values());
    waiting.clear();
    bytes = 0;
    all.forEach(one -> one.waiter.fail(Errors.unanswered()));
  }

  private Waiting remove(int requestId) {
    Waiting one = waiting.remove(requestId);
    if (one != null) bytes -= one.bytes;
    return one;
  }

  int size() {
    return waiting.size();
  }

  static KelpieException full(int requests, long bytes) {
    String message =
        requests + " requests (" + bytes + " bytes) wait for answers; send fewer requests, or wait for the answers";
    return new KelpieException(Reason.REQUEST_QUEUE_FULL, message);
  }
}
