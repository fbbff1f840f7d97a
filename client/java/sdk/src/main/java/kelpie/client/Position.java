package kelpie.client;

import kelpie.v1.Cursor;
import kelpie.v1.Gap;
import kelpie.v1.Snapshot;

/**
 * The place of a node in the journal: the last event that it has received, and the start of its next stream. The two
 * differ while the node waits for the end of a Snapshot. If the stream breaks in the middle of a Snapshot, the node must
 * get the whole Snapshot again, so the next stream starts where the present one did.
 */
final class Position {
  private final Start first;
  private Cursor received;
  private Cursor resume;
  private boolean loading;

  /** {@code stored}: the position of the former process, or null. {@code first} counts only without it. */
  Position(Start first, Cursor stored) {
    this.first = first;
    resume = stored;
  }

  /** Whether the node waits for the end of a Snapshot. */
  boolean loading() {
    return loading;
  }

  /** The node has received everything up to this sequence; 0 before the first stream. */
  long sequence() {
    return received == null ? 0 : received.getSequence();
  }

  /** The position where the next stream starts; null as long as it starts where the first one did. */
  Cursor resume() {
    return resume;
  }

  /** A new stream begins. Returns its start. */
  kelpie.v1.Start restart() {
    received = resume;
    loading = resume == null && first.isSnapshot();
    return (resume == null ? first : Start.after(resume)).toWire();
  }

  /** The node has received everything up to this cursor. False for a cursor older than the present one: it changes nothing. */
  boolean reach(Cursor cursor) {
    if (cursor.getSequence() < sequence()) return false;
    received = cursor;
    if (!loading) resume = cursor;
    return true;
  }

  /** A gap is followed by a Snapshot, since every client reads resources for its roster. */
  void lose(Gap gap) {
    loading = true;
    received = gap.getResumesAt();
  }

  void load(Snapshot part) {
    if (part.hasCursor()) reach(part.getCursor());
    if (!part.getComplete()) return;
    loading = false;
    resume = received;
  }
}
