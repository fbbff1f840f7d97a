package kelpie.client;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.IdentityHashMap;
import java.util.Map;
import kelpie.v1.EventBatch;

/**
 * Received batches that the handlers have not finished. A coordinator sends up to one window on each stream, and does not
 * count the events of older streams. Without a bound of its own, a node with a slow handler would collect another window
 * with each reconnect. If the batches of older streams fill one window, the client delays all further frames, in order,
 * and does not acknowledge them. If the stream breaks, the next one brings them again. Loop only.
 */
final class Backlog {
  /** The default window of a Hello. */
  private static final int WINDOW_EVENTS = 4096;

  private static final int WINDOW_BYTES = 1024 * 1024;

  /** The batches that handlers work on, and whether they are of older streams. */
  private final Map<EventBatch, Boolean> running = new IdentityHashMap<>();

  private int olderEvents;
  private long olderBytes;
  private final Deque<Runnable> delayed = new ArrayDeque<>();

  private boolean full() {
    return olderEvents >= WINDOW_EVENTS || olderBytes >= WINDOW_BYTES;
  }

  /** Does the work now; or, if earlier work waits or there is no room, in its turn. */
  void inOrder(Runnable work) {
    if (full() || !delayed.isEmpty()) delayed.add(work);
    else work.run();
  }

  /** Handlers begin to work on a batch. */
  void begin(EventBatch batch) {
    running.put(batch, false);
  }

  /** All handlers of the batch have finished. */
  void end(EventBatch batch) {
    if (!Boolean.TRUE.equals(running.remove(batch))) return;
    olderEvents -= batch.getEventsCount();
    olderBytes -= batch.getSerializedSize();
    while (!delayed.isEmpty() && !full()) delayed.remove().run();
  }

  /** A new stream is open: the running batches are those of older streams. It brings the delayed frames again. */
  void restart() {
    delayed.clear();
    for (EventBatch batch : running.keySet().toArray(new EventBatch[0])) {
      if (running.put(batch, true)) continue;
      olderEvents += batch.getEventsCount();
      olderBytes += batch.getSerializedSize();
    }
  }
}
