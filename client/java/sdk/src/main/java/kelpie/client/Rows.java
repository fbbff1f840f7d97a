package kelpie.client;

import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BiConsumer;
import java.util.function.Function;

/**
 * Rows of one kind, from a Snapshot and the events after it. If a coordinator loses its history, rows that the new
 * history does not have yet stay for a while, marked stale. Not safe for several threads: the roster has one lock.
 */
final class Rows<T> {
  /**
   * A row.
   *
   * @param sequence that of the event that last wrote the row
   * @param stale the row comes from another history or a file, and no coordinator has confirmed it yet: any other row
   *     is newer
   */
  record Row<T>(T value, long sequence, boolean stale) {}

  private final Map<String, Row<T>> rows = new HashMap<>();
  private final Function<T, String> keyOf;
  private final BiConsumer<T, T> onChange;
  /** The keys of the Snapshot that has begun and is not complete; null if none has. */
  private Set<String> named;

  /** {@code onChange} gets each row that changes, before and after the change; null: there was or is none. */
  Rows(Function<T, String> keyOf, BiConsumer<T, T> onChange) {
    this.keyOf = keyOf;
    this.onChange = onChange;
  }

  /** Null if there is none. */
  T get(String key) {
    Row<T> row = rows.get(key);
    return row == null ? null : row.value();
  }

  /** All rows, in the order of their keys. */
  List<T> all() {
    return rows.entrySet().stream().sorted(Map.Entry.comparingByKey()).map(entry -> entry.getValue().value()).toList();
  }

  /** A copy: all rows with their sequences, in no order. */
  List<Row<T>> rows() {
    return List.copyOf(rows.values());
  }

  int size() {
    return rows.size();
  }

  boolean isStale(String key) {
    Row<T> row = rows.get(key);
    return row != null && row.stale();
  }

  /** A Snapshot begins. */
  void begin() {
    named = new HashSet<>();
  }

  /** Takes a row if it is newer than the present one. */
  void put(T value, long sequence) {
    String key = keyOf.apply(value);
    // A row that an event brings during a Snapshot counts as named by the Snapshot.
    if (named != null) named.add(key);
    if (sequence > sequenceOf(key)) set(key, value, sequence, false);
  }

  /** Removes a row if that is newer than the present one. */
  void leave(T value, long sequence) {
    String key = keyOf.apply(value);
    if (sequence > sequenceOf(key)) remove(key);
  }

  private long sequenceOf(String key) {
    Row<T> row = rows.get(key);
    return row == null ? 0 : row.sequence();
  }

  /** The Snapshot is complete. Rows that it does not name go, except stale rows: {@code dropStale} removes those. */
  void complete() {
    for (Map.Entry<String, Row<T>> entry : List.copyOf(rows.entrySet()))
      if (!entry.getValue().stale() && (named == null || !named.contains(entry.getKey()))) remove(entry.getKey());
    named = null;
  }

  /**
   * The rows come from another history from now on. Its sequences may be lower, so any of its rows counts as newer.
   * {@code stale}: the new history may not have all rows yet, so the present ones become stale.
   */
  void outdate(boolean stale) {
    for (Map.Entry<String, Row<T>> entry : List.copyOf(rows.entrySet()))
      set(entry.getKey(), entry.getValue().value(), 0, stale || entry.getValue().stale());
  }

  void dropStale() {
    for (Map.Entry<String, Row<T>> entry : List.copyOf(rows.entrySet()))
      if (entry.getValue().stale()) remove(entry.getKey());
  }

  /** A row from a file. */
  void restore(T value) {
    set(keyOf.apply(value), value, 0, true);
  }

  private void set(String key, T value, long sequence, boolean stale) {
    Row<T> before = rows.put(key, new Row<>(value, sequence, stale));
    onChange.accept(before == null ? null : before.value(), value);
  }

  private void remove(String key) {
    Row<T> before = rows.remove(key);
    if (before != null) onChange.accept(before.value(), null);
  }
}
