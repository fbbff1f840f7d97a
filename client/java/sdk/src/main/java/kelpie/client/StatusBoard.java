package kelpie.client;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;

/** Gives each listener each status, on the program's executor. Any thread may use it. */
final class StatusBoard {
  /** The statuses that wait for a slow listener. */
  private static final int KEPT = 1000;

  private final Programs programs;
  private final Warnings warnings;
  private final List<Reader> readers = new CopyOnWriteArrayList<>();
  private Status connection;

  StatusBoard(Programs programs, Warnings warnings) {
    this.programs = programs;
    this.warnings = warnings;
  }

  synchronized void post(Status status) {
    if (status instanceof Status.Connecting
        || status instanceof Status.Connected
        || status instanceof Status.Disconnected
        || status instanceof Status.Closed) connection = status;
    warnings.take(status, readers.isEmpty());
    readers.forEach(reader -> reader.add(status));
  }

  synchronized AutoCloseable listen(Consumer<Status> listener) {
    Reader reader = new Reader(listener);
    readers.add(reader);
    if (connection != null) reader.add(connection);
    return () -> readers.remove(reader);
  }

  private final class Reader {
    private final Consumer<Status> listener;
    private final Deque<Status> waiting = new ArrayDeque<>();
    private int skipped;
    private boolean busy;

    Reader(Consumer<Status> listener) {
      this.listener = listener;
    }

    void add(Status status) {
      synchronized (this) {
        if (waiting.size() >= KEPT) {
          waiting.remove();
          skipped += 1;
        }
        waiting.add(status);
        if (busy) return;
        busy = true;
      }
      if (programs.run(this::work)) return;
      // The next status tries again.
      synchronized (this) {
        busy = false;
      }
    }

    private void work() {
      for (Status next = next(); next != null; next = next()) {
        try {
          listener.accept(next);
        } catch (Throwable thrown) {
          // A status about it would come back here.
          warnings.take(new Status.HandlerFailed("onStatus", thrown), true);
        }
      }
    }

    private synchronized Status next() {
      if (skipped > 0) {
        Status missed = new Status.Skipped(skipped);
        skipped = 0;
        return missed;
      }
      Status next = waiting.poll();
      busy = next != null;
      return next;
    }
  }
}
