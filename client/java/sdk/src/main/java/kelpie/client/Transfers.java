package kelpie.client;

import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import kelpie.v1.CoordinatorFrame;
import kelpie.v1.NodeFrame;
import kelpie.v1.PlayerLookup;
import kelpie.v1.PlayerTarget;
import kelpie.v1.ReleaseSlotsRequest;
import kelpie.v1.ReserveSlotsRequest;
import kelpie.v1.TransferPlayersRequest;

/** Moves players, and holds slots for them. */
public final class Transfers implements Part {
  /** The most requests that have no end yet. The client refuses more. */
  private static final int MOST = 1000;

  private final Session session;
  private final Set<CompletableFuture<?>> unsettled = ConcurrentHashMap.newKeySet();
  private volatile KelpieException ended;

  Transfers(Session session) {
    this.session = session;
  }

  /** Moves the player with this id. See {@link #move(PlayerLookup, Destination, TransferOptions)}. */
  public CompletableFuture<TransferStep> move(String playerId, Destination destination, TransferOptions options) {
    return move(PlayerLookup.newBuilder().setId(Texts.wellFormed("playerId", playerId)).build(), destination, options);
  }

  /**
   * Moves one player. Completes when they are there: {@code target} is the server that they are on, or the proxy that
   * they came to. Fails with the reason that ended the transfer: PLAYER_NOT_FOUND, ALREADY_THERE, SERVER_FULL,
   * SERVER_DRAINING, REJECTED_BY_TARGET, TRANSFER_IN_PROGRESS, PLAYER_QUIT, TIMED_OUT and others; UNAVAILABLE while no
   * coordinator is connected; OUTCOME_UNKNOWN if the stream breaks before the end.
   */
  public CompletableFuture<TransferStep> move(PlayerLookup player, Destination destination, TransferOptions options) {
    AtomicReference<TransferStep> end = new AtomicReference<>();
    PlayerTarget target = PlayerTarget.newBuilder().setPlayer(player).build();
    return transfer(
            target,
            destination,
            options,
            step -> {
              if (step.ended()) end.set(step);
            })
        .thenApply(done -> arrivalIn(end.get()));
  }

  private static TransferStep arrivalIn(TransferStep end) {
    if (end == null) throw new KelpieException(Reason.PROTOCOL, "a transfer ended without a result");
    end.error()
        .ifPresent(
            error -> {
              throw error;
            });
    return end;
  }

  /**
   * Moves players, at most 10,000. The listener gets each step on the executor of the client, in order if that executor
   * runs one function after the other. Completes when the last transfer has ended, and the listener got it. Fails with
   * NO_TARGET and other reasons before the first step; UNAVAILABLE while no coordinator is connected; OUTCOME_UNKNOWN if
   * the stream breaks before the last end; RESULTS_UNREAD if more than 16 MiB of steps wait for the listener.
   */
  public CompletableFuture<Void> transfer(
      PlayerTarget target, Destination destination, TransferOptions options, Consumer<TransferStep> listener) {
    TransferPlayersRequest request =
        TransferPlayersRequest.newBuilder()
            .setTarget(target)
            .setDestination(destination.toWire())
            .setContext(options.context)
            .setTimeout(Durations.wire(options.timeout))
            .setReservationId(options.reservationId)
            .build();
    NodeFrame.Builder frame = NodeFrame.newBuilder().setTransferPlayers(request);
    return inLoop(done -> new Transferring(session, listener, done).begin(frame));
  }

  /**
   * Holds slots of a proxy or server. The reservation ends when all its slots are released, after its ttl, with its node,
   * or with this process unless {@code owner} names another node. Fails with SERVER_FULL, NO_TARGET, RESERVATION_LIMIT,
   * OUT_OF_RANGE and others; UNAVAILABLE while no coordinator is connected; OUTCOME_UNKNOWN if the stream breaks before
   * the answer: the slots may be held then, and end with their time.
   */
  public CompletableFuture<Reservation> reserve(ReserveSlotsRequest request) {
    return once(NodeFrame.newBuilder().setReserveSlots(request))
        .thenApply(CoordinatorFrame::getSlotsReserved)
        .thenApply(held -> new Reservation(held.getReservationId(), held.getNode(), this));
  }

  /**
   * Releases slots of a reservation; 0 slots stand for all. Fails with RESERVATION_NOT_FOUND or OUT_OF_RANGE, with
   * UNAVAILABLE or OUTCOME_UNKNOWN as {@link #reserve} does.
   */
  public CompletableFuture<Void> release(String reservationId, int slots) {
    ReleaseSlotsRequest release =
        ReleaseSlotsRequest.newBuilder()
            .setReservationId(Texts.wellFormed("reservationId", reservationId))
            .setSlots(slots)
            .build();
    return once(NodeFrame.newBuilder().setReleaseSlots(release)).thenApply(answer -> null);
  }

  /** Sends a request once: nobody can tell whether the coordinator took it when the stream breaks. */
  private CompletableFuture<CoordinatorFrame> once(NodeFrame.Builder frame) {
    return inLoop(
        done -> {
          boolean sent = session.isOpen();
          session
              .request(frame)
              .whenComplete(
                  (answer, thrown) -> {
                    if (thrown == null) session.settle(done, answer);
                    else session.fail(done, failure(Errors.fromThrown(thrown), sent));
                  });
        });
  }

  private static KelpieException failure(KelpieException error, boolean sent) {
    if (!sent || error.reason() != Reason.UNAVAILABLE) return error;
    String message = "the stream broke before the answer; the slots may be held or released, and end with their time";
    return new KelpieException(Reason.OUTCOME_UNKNOWN, message);
  }

  /** A request of the program. It fails if the client ends before it is settled. */
  private <T> CompletableFuture<T> inLoop(Consumer<CompletableFuture<T>> request) {
    CompletableFuture<T> done = new CompletableFuture<>();
    if (unsettled.size() >= MOST) return CompletableFuture.failedFuture(full());
    unsettled.add(done);
    done.whenComplete((value, error) -> unsettled.remove(done));
    session.loop().execute(() -> request.accept(done));
    KelpieException error = ended;
    if (error != null) session.fail(done, error);
    return done;
  }

  private static KelpieException full() {
    String message = MOST + " transfers and reservations wait for their ends; wait until some of them have ended";
    return new KelpieException(Reason.REQUEST_QUEUE_FULL, message);
  }

  @Override
  public void close(KelpieException error) {
    ended = error;
    unsettled.forEach(done -> session.fail(done, error));
  }
}
