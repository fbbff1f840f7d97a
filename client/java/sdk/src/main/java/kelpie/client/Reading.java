package kelpie.client;

import com.google.protobuf.InvalidProtocolBufferException;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import kelpie.v1.Cursor;
import kelpie.v1.Event;
import kelpie.v1.EventBatch;
import kelpie.v1.Gap;
import kelpie.v1.Snapshot;

/** The events that a node reads: for its handlers, for its parts, and for its position. Loop only. */
final class Reading {
  private static final int EPOCH_BYTES = 16;

  /** Takes an error that breaks the stream. */
  interface Failing {
    void fail(KelpieException error);
  }

  private final Loop loop;
  private final List<Part> parts;
  private final Subscriptions subscriptions;
  private final Dispatcher dispatcher;
  private final Backlog backlog = new Backlog();
  private final Position position;
  private final StoredFile cursorFile;
  /** One for all streams: handlers may still work on events of an older stream. */
  private final Processing processing = new Processing();

  /** {@code cursorFile}: or null. Throws FILE_INVALID for a file that cannot be read: another start would lose events. */
  Reading(SessionCore core, StoredFile cursorFile, List<Part> parts) {
    loop = core.loop();
    this.parts = parts;
    subscriptions = core.subscriptions;
    dispatcher = core.dispatcher;
    this.cursorFile = cursorFile;
    position = new Position(core.options().start, cursorFile == null ? null : cursorFile.load(Reading::cursorOf));
  }

  /** Throws if the file does not have exactly one whole cursor: half a cursor would be a wrong position. */
  private static Cursor cursorOf(byte[] bytes) throws IOException {
    if (bytes.length == 0) throw new IOException("it is empty");
    try {
      Cursor cursor = Cursor.parseFrom(bytes);
      boolean same = java.util.Arrays.equals(cursor.toByteArray(), bytes);
      if (same && cursor.getEpoch().size() == EPOCH_BYTES && cursor.getSequence() > 0) return cursor;
    } catch (InvalidProtocolBufferException broken) {
      // Below.
    }
    throw new IOException("it does not contain a whole cursor");
  }

  /** Whether the node waits for the end of a Snapshot. */
  boolean loading() {
    return position.loading();
  }

  /** A new stream begins. Returns its start. */
  kelpie.v1.Start restart() {
    return position.restart();
  }

  /** The session is open, and reading starts at this cursor. */
  void begin(Cursor cursor) {
    backlog.restart();
    position.reach(cursor);
    keep();
  }

  /** Calls {@code done} in the loop when the batch is handled. Fails with PROTOCOL if events are missing. */
  void take(EventBatch batch, Runnable done, Failing failing) {
    backlog.inOrder(() -> takeNow(batch, done, failing));
  }

  private void takeNow(EventBatch batch, Runnable done, Failing failing) {
    long after = position.sequence();
    if (batch.getAfterSequence() > after) {
      String message =
          "a batch begins after " + batch.getAfterSequence() + ", but the events after " + after + " are missing";
      failing.fail(new KelpieException(Reason.PROTOCOL, message));
      return;
    }
    Processing.Piece piece = processing.begin(batch.getUpTo(), 0);
    backlog.begin(batch);
    Handling handling = new Handling(() -> finish(batch, piece, done));
    for (Event event : batch.getEventsList()) {
      if (event.getSequence() <= after) continue;
      for (Part part : parts) part.event(event);
      deliver(event, handling);
    }
    position.reach(batch.getUpTo());
    handling.begun();
  }

  private void deliver(Event event, Handling handling) {
    List<Lane> lanes = subscriptions.lanesOf(event.getTopic());
    if (lanes.isEmpty()) return;
    ReceivedEvent received = new ReceivedEvent(event);
    for (Lane lane : lanes) {
      handling.open.incrementAndGet();
      dispatcher.add(lane, received, handling);
    }
  }

  /** The handlers of one batch: runs when each has settled. */
  private final class Handling implements Runnable {
    /** One more until all are given to their handlers. */
    final AtomicInteger open = new AtomicInteger(1);

    private final Runnable done;

    Handling(Runnable done) {
      this.done = done;
    }

    /** A handler has settled, on any thread. */
    @Override
    public void run() {
      if (open.decrementAndGet() == 0) loop.execute(done);
    }

    /** All are given to their handlers. Where there are none, the batch is handled at once. */
    void begun() {
      if (open.decrementAndGet() == 0) done.run();
    }
  }

  private void finish(EventBatch batch, Processing.Piece piece, Runnable done) {
    processed(piece);
    done.run();
    backlog.end(batch);
  }

  private void processed(Processing.Piece piece) {
    Processing.Progress progress = processing.finish(piece);
    if (progress != null && cursorFile != null) cursorFile.save(() -> progress.upTo().toByteArray());
  }

  /** Stores the position for the next process, also before the first event. */
  private void keep() {
    if (position.resume() != null) processed(processing.begin(position.resume(), 0));
  }

  /** The node has no further events up to this cursor. */
  void reach(Cursor cursor) {
    backlog.inOrder(
        () -> {
          if (position.reach(cursor)) processed(processing.begin(cursor, 0));
        });
  }

  void load(Snapshot part) {
    backlog.inOrder(
        () -> {
          position.load(part);
          for (Part one : parts) one.snapshot(part);
          if (part.getComplete()) keep();
        });
  }

  void lose(Gap gap) {
    backlog.inOrder(
        () -> {
          // A gap of some topics only: the events of all other topics still come.
          if (gap.getTopicsCount() == 0) position.lose(gap);
          for (Part one : parts) one.gap(gap);
        });
  }

  /** Ends the handlers and writes the file. Completes when the file is not open any more. */
  CompletableFuture<Void> close() {
    subscriptions.close();
    return cursorFile == null ? CompletableFuture.completedFuture(null) : cursorFile.close();
  }
}
