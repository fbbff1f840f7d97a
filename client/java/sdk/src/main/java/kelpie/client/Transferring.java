package kelpie.client;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import kelpie.v1.CoordinatorFrame;
import kelpie.v1.NodeFrame;
import kelpie.v1.TransferUpdate;

/** The transfers of one request, until the last one has ended. It belongs to the loop. */
final class Transferring implements Session.Waiter {
  /** The listener may have this many bytes of updates waiting. */
  private static final long UNREAD_BYTES = 16L * 1024 * 1024;

  private final Session session;
  private final Consumer<TransferStep> listener;
  private final CompletableFuture<Void> done;
  private final AtomicLong unreadBytes = new AtomicLong();
  private int playersLeft = -1;
  private boolean sent;
  private boolean unreadable;

  /** {@code done} completes when the last transfer has ended, and the listener got it. */
  Transferring(Session session, Consumer<TransferStep> listener, CompletableFuture<Void> done) {
    this.session = session;
    this.listener = listener;
    this.done = done;
  }

  void begin(NodeFrame.Builder frame) {
    sent = session.isOpen();
    session.issue(frame, this);
  }

  @Override
  public boolean answer(CoordinatorFrame frame) {
    if (!frame.hasTransferUpdate()) return false;
    TransferUpdate update = frame.getTransferUpdate();
    playersLeft = update.getPlayersLeft();
    int bytes = update.getSerializedSize();
    unreadable |= unreadBytes.addAndGet(bytes) > UNREAD_BYTES;
    if (unreadable) session.fail(done, unread());
    else session.callback("transfer", () -> show(update, bytes));
    return update.getLast();
  }

  /** On the executor of the program. */
  private void show(TransferUpdate update, int bytes) {
    unreadBytes.addAndGet(-bytes);
    try {
      listener.accept(TransferStep.of(update));
    } finally {
      if (update.getLast()) session.settle(done, null);
    }
  }

  /** If the stream broke, the outcome is unknown. The client does not send the request again. */
  @Override
  public void fail(KelpieException error) {
    session.fail(done, sent && error.reason() == Reason.UNAVAILABLE ? outcomeUnknown() : error);
  }

  private KelpieException outcomeUnknown() {
    String whose = playersLeft < 0 ? "the transfers" : playersLeft == 1 ? "a transfer" : playersLeft + " transfers";
    String message = "the stream broke before " + whose + " ended; players may still move: look where the players are";
    return new KelpieException(Reason.OUTCOME_UNKNOWN, message);
  }

  private static KelpieException unread() {
    String message =
        "more than " + UNREAD_BYTES + " bytes of updates wait for the listener; let it return faster; the transfers go on";
    return new KelpieException(Reason.RESULTS_UNREAD, message);
  }
}
