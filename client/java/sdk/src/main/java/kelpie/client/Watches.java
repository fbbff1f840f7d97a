package kelpie.client;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import kelpie.v1.Event;
import kelpie.v1.Gap;
import kelpie.v1.GapReason;
import kelpie.v1.Row;
import kelpie.v1.Snapshot;
import kelpie.v1.StateDeleted;
import kelpie.v1.StateValue;

/**
 * The watches of shared values. A watch follows the sequences of its values, so that repeated Snapshots and lost events
 * cause no false change: after a Gap, the Snapshot decides which values are there. It belongs to the loop.
 */
final class Watches {
  private final Session session;
  private final Map<String, List<Watch>> byPattern = new HashMap<>();

  /** The topics of the Hello whose Snapshot is still to come. */
  private Set<String> awaited = Set.of();

  private boolean closed;

  Watches(Session session) {
    this.session = session;
  }

  /** Any thread. */
  ValueWatch add(Watch watch) {
    session.loop().execute(() -> begin(watch));
    return new ValueWatch() {
      @Override
      public CompletableFuture<Void> loaded() {
        return watch.loaded();
      }

      @Override
      public void close() {
        watch.stop();
        session.loop().execute(() -> remove(watch));
      }
    };
  }

  private void begin(Watch watch) {
    if (closed) {
      watch.clear();
      return;
    }
    session.want(watch.pattern());
    byPattern.computeIfAbsent(watch.pattern(), pattern -> new ArrayList<>()).add(watch);
    session.requestSnapshot(List.of(watch.pattern()));
  }

  private void remove(Watch watch) {
    List<Watch> same = byPattern.getOrDefault(watch.pattern(), new ArrayList<>());
    watch.clear();
    if (!same.remove(watch)) return;
    if (same.isEmpty()) byPattern.remove(watch.pattern());
    session.unwant(watch.pattern());
  }

  /** A new stream begins. {@code loading}: it begins with a Snapshot of its topics. */
  void restart(List<String> topics, boolean loading) {
    awaited = loading ? Set.copyOf(topics) : Set.of();
    all().forEach(Watch::interrupt);
  }

  /** The session is open: asks for each Snapshot that would not come otherwise. */
  void begin() {
    List<String> missing =
        byPattern.entrySet().stream()
            .filter(entry -> !awaited.contains(entry.getKey()))
            .filter(entry -> entry.getValue().stream().anyMatch(watch -> !watch.complete()))
            .map(Map.Entry::getKey)
            .toList();
    if (!missing.isEmpty()) session.requestSnapshot(missing);
  }

  void applySnapshot(Snapshot part) {
    if (part.hasCursor()) {
      for (String topic : part.getTopicsList())
        byPattern.getOrDefault(topic, List.of()).forEach(watch -> watch.begin(part.getCursor().getSequence()));
    }
    for (Row row : part.getRowsList()) {
      if (row.hasState()) put(row.getState(), row.getSequence());
    }
    if (part.getComplete()) all().forEach(Watch::finish);
  }

  void applyEvent(Event event) {
    if (byPattern.isEmpty()) return;
    if (event.hasStateChanged()) put(event.getStateChanged().getValue(), event.getSequence());
    if (!event.hasStateDeleted()) return;
    StateDeleted deleted = event.getStateDeleted();
    ValuePlace place = ValuePlace.of(deleted.getValue());
    EndedValue end = new EndedValue(place.bucket(), place.key(), event.getSequence(), deleted.getReason());
    watchesOf(place).forEach(watch -> watch.end(place, end));
  }

  private void put(StateValue value, long sequence) {
    ValuePlace place = ValuePlace.of(value);
    SharedValue shared = SharedValue.of(value, sequence);
    watchesOf(place).forEach(watch -> watch.put(place, shared));
  }

  void applyGap(Gap gap) {
    if (gap.getReason() != GapReason.GAP_REASON_TRIMMED) all().forEach(Watch::outdate);
  }

  /** No change reaches a handler any more. */
  void close() {
    closed = true;
    all().forEach(Watch::clear);
    byPattern.clear();
  }

  private List<Watch> all() {
    return byPattern.values().stream().flatMap(List::stream).toList();
  }

  private List<Watch> watchesOf(ValuePlace place) {
    List<Watch> watches = new ArrayList<>(byPattern.getOrDefault(place.topic(), List.of()));
    watches.addAll(byPattern.getOrDefault(ValuePlace.patternOf(place.bucket()), List.of()));
    return watches;
  }
}
