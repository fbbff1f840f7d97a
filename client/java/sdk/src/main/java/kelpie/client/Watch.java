package kelpie.client;

import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Function;
import kelpie.v1.StateEndReason;

/**
 * One watch: which values are there, and the changes that its handler has not taken yet. It belongs to the loop. The
 * handler runs on the executor of the program, for one change at a time.
 */
final class Watch {
  private final String pattern;
  private final Session session;
  private final Function<ValueChange, CompletionStage<?>> handler;

  /** The sequences of the values that are there. 0: from another history, and no Snapshot has confirmed it. */
  private final Map<ValuePlace, Long> present = new HashMap<>();

  /** The newest change of each value that the handler has not taken. */
  private final Map<ValuePlace, ValueChange> waiting = new LinkedHashMap<>();

  /** The values that the Snapshot on its way has named; null if there is none. */
  private Set<ValuePlace> named;

  private long snapshotSequence;
  private boolean running;
  private boolean complete;
  private volatile boolean closed;
  private final CompletableFuture<Void> loaded = new CompletableFuture<>();

  Watch(String pattern, Session session, Function<ValueChange, CompletionStage<?>> handler) {
    this.pattern = pattern;
    this.session = session;
    this.handler = handler;
  }

  String pattern() {
    return pattern;
  }

  CompletableFuture<Void> loaded() {
    return loaded;
  }

  /** Whether a Snapshot was complete. */
  boolean complete() {
    return complete;
  }

  /** A Snapshot begins that answers the pattern. */
  void begin(long sequence) {
    named = new HashSet<>();
    snapshotSequence = sequence;
  }

  /** The stream ended, and with it the Snapshot on its way. */
  void interrupt() {
    named = null;
  }

  /** Takes a value if it is newer than the present one. */
  void put(ValuePlace place, SharedValue value) {
    if (named != null) named.add(place);
    if (value.sequence() <= present.getOrDefault(place, 0L)) return;
    present.put(place, value.sequence());
    report(place, value);
  }

  /** Takes the end of a value if it is newer than the value. */
  void end(ValuePlace place, EndedValue end) {
    Long known = present.get(place);
    if (known == null || end.sequence() <= known) return;
    present.remove(place);
    report(place, end);
  }

  /** The Snapshot is complete: values that it does not name have ended. */
  void finish() {
    if (named == null) return;
    for (ValuePlace place : Set.copyOf(present.keySet())) {
      if (named.contains(place)) continue;
      present.remove(place);
      StateEndReason unknown = StateEndReason.STATE_END_REASON_UNSPECIFIED;
      report(place, new EndedValue(place.bucket(), place.key(), snapshotSequence, unknown));
    }
    named = null;
    complete = true;
    session.settle(loaded, null);
  }

  /** The values are from another history from now on, so any value of the next one is newer. */
  void outdate() {
    present.replaceAll((place, sequence) -> 0L);
  }

  /** Any thread. */
  void stop() {
    closed = true;
  }

  /** The watch has stopped, and gives its memory back. */
  void clear() {
    closed = true;
    waiting.clear();
    session.settle(loaded, null);
  }

  private void report(ValuePlace place, ValueChange change) {
    if (closed) return;
    waiting.put(place, change);
    if (!running) run();
  }

  private void run() {
    running = false;
    if (waiting.isEmpty()) return;
    ValueChange change = waiting.remove(waiting.keySet().iterator().next());
    running = true;
    session.callback(pattern, () -> handle(change));
  }

  /** On the executor of the program. */
  private void handle(ValueChange change) {
    CompletionStage<?> stage = null;
    try {
      if (!closed) stage = handler.apply(change);
    } finally {
      if (stage == null) session.loop().execute(this::run);
      else stage.whenComplete(this::settled);
    }
  }

  private void settled(Object ignored, Throwable error) {
    if (error != null) session.post(new Status.HandlerFailed(pattern, Errors.fromThrown(error)));
    session.loop().execute(this::run);
  }
}
