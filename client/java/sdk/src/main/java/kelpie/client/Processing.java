package kelpie.client;

import java.util.ArrayDeque;
import java.util.Deque;
import kelpie.v1.Cursor;

/** The received pieces that are not processed yet: up to where the client may acknowledge, and when it must. */
final class Processing {
  /**
   * An acknowledgement is due after this many events or batches: late enough to be cheap, early enough that the
   * coordinator does not wait for it. The default window of a Hello (4096 events, 1 MiB) has room for three batches with
   * one event of the largest size each, and not for four.
   */
  private static final int DUE_EVENTS = 1024;

  private static final int DUE_BATCHES = 3;

  /** A received piece of the journal. */
  static final class Piece {
    private final Cursor upTo;
    private final int events;
    private boolean done;

    private Piece(Cursor upTo, int events) {
      this.upTo = upTo;
      this.events = events;
    }
  }

  /**
   * How far processing has got.
   *
   * @param due whether the coordinator may soon have to wait without an acknowledgement
   */
  record Progress(Cursor upTo, boolean due) {}

  private final Deque<Piece> pieces = new ArrayDeque<>();
  private int events;
  private int batches;

  Piece begin(Cursor upTo, int count) {
    Piece piece = new Piece(upTo, count);
    pieces.add(piece);
    return piece;
  }

  /** A piece is processed. Returns null while an earlier piece is not. */
  Progress finish(Piece piece) {
    piece.done = true;
    Cursor upTo = null;
    while (!pieces.isEmpty() && pieces.peek().done) {
      Piece first = pieces.remove();
      upTo = first.upTo;
      events += first.events;
      batches += 1;
    }
    if (upTo == null) return null;
    boolean due = events >= DUE_EVENTS || batches >= DUE_BATCHES;
    if (due) events = batches = 0;
    return new Progress(upTo, due);
  }
}
