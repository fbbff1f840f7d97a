package kelpie.client;

import java.util.EnumSet;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import kelpie.v1.AcquirePlayer;
import kelpie.v1.CoordinatorFrame;
import kelpie.v1.DuplicatePolicy;
import kelpie.v1.NodeFrame;
import kelpie.v1.Player;
import kelpie.v1.PlayerAcquired;
import kelpie.v1.PlayerDenial;
import kelpie.v1.PlayerDenialReason;
import kelpie.v1.ReleasePlayer;

/** The logins of a proxy, until they are granted or denied. Loop only. */
final class Logins {
  /** The grant is not there any more, or ends by itself. */
  private static final Set<Reason> OVER =
      EnumSet.of(Reason.PLAYER_NOT_FOUND, Reason.STALE_GENERATION, Reason.UNAVAILABLE, Reason.CLOSED);

  /** A login that waits for its answer. */
  private static final class Asking {
    boolean cancelled;
    /** The decision of the coordinator, if the program has its result before it; null in it: there is none. */
    CompletableFuture<Acquired> late;
  }

  private final Session session;
  private final long timeoutMs;
  private final PlayerList list;
  private final PlayerReporting reporting;
  private final Away away;
  /** The newest login of each player that waits for its answer. */
  private final Map<String, Asking> asking = new HashMap<>();

  private final LoginRoom room = new LoginRoom();

  Logins(Session session, long timeoutMs, PlayerList list, PlayerReporting reporting, Away away) {
    this.session = session;
    this.timeoutMs = timeoutMs;
    this.list = list;
    this.reporting = reporting;
    this.away = away;
  }

  /** See {@link Players#acquire}. */
  CompletableFuture<Acquired> acquire(Player player, DuplicatePolicy policy) {
    String id = player.getId();
    Asking login = new Asking();
    asking.put(id, login);
    return ask(player, policy, login)
        .thenCompose(acquired -> decided(id, login, acquired))
        .whenComplete((acquired, error) -> asking.remove(id, login));
  }

  private CompletableFuture<Acquired> decided(String id, Asking asked, Acquired acquired) {
    if (!(acquired instanceof Acquired.Granted grant)) {
      settle(id, asked.late, null);
      return CompletableFuture.completedFuture(acquired);
    }
    if (asked.cancelled) {
      settle(id, asked.late, null);
      return giveBack(id, grant.generation()).thenApply(done -> denied("The login was cancelled."));
    }
    reporting.replace(id);
    settle(id, asked.late, list.grant(id, grant.generation(), session.loop().nowMs()));
    return CompletableFuture.completedFuture(acquired);
  }

  /** A late decision holds for the login that was let in; null: none was. A grant without such a login is given back. */
  private void settle(String id, CompletableFuture<Acquired> late, PlayerList.Login login) {
    if (late == null) return;
    CompletableFuture<Acquired> needless = login == null ? late : reporting.decide(login, late);
    needless.thenAccept(
        acquired -> {
          // If it fails, the grant ends by itself.
          if (acquired instanceof Acquired.Granted grant) giveBack(id, grant.generation());
        });
  }

  private CompletableFuture<Acquired> ask(Player player, DuplicatePolicy policy, Asking login) {
    CompletableFuture<CoordinatorFrame> answer =
        room.run(player.getSerializedSize(), () -> request(player, policy, login));
    CompletableFuture<Acquired> result = new CompletableFuture<>();
    Runnable cancel = session.loop().after(timeoutMs, () -> late(player, login, answer, result));
    answer.whenComplete(
        (frame, error) -> {
          cancel.run();
          if (error == null) result.complete(acquiredBy(frame.getPlayerAcquired()));
          else if (Report.isRequestUndecided(Errors.fromThrown(error))) result.complete(undecided(player));
          else result.completeExceptionally(Errors.fromThrown(error));
        });
    return result;
  }

  /** Fails with UNAVAILABLE if no stream is open, or if the login was given up meanwhile. */
  private CompletableFuture<CoordinatorFrame> request(Player player, DuplicatePolicy policy, Asking login) {
    // Earlier reports must go out first.
    reporting.flush();
    if (login.late != null) return CompletableFuture.failedFuture(Errors.unanswered());
    return session.request(
        NodeFrame.newBuilder()
            .setAcquirePlayer(AcquirePlayer.newBuilder().setPlayer(player).setPolicy(policy)));
  }

  /** The answer takes too long. */
  private void late(
      Player player, Asking login, CompletableFuture<CoordinatorFrame> answer, CompletableFuture<Acquired> result) {
    if (result.isDone()) return;
    login.late =
        answer.handle(
            (frame, error) -> error == null ? acquiredBy(frame.getPlayerAcquired()) : refusedBy(Errors.fromThrown(error)));
    result.complete(undecided(player));
  }

  /** The decision about a login that the coordinator refused; null: it has decided nothing. */
  private static Acquired refusedBy(KelpieException error) {
    return Report.isRequestUndecided(error) ? null : denied(error.getMessage());
  }

  /** The rule without a coordinator. Any thread. */
  Acquired undecided(Player player) {
    return away.decide(player, list.get(player.getId()) != null);
  }

  /** Ends the login of a player that waits for its answer. False if none waits. */
  boolean cancel(String id) {
    Asking login = asking.get(id);
    if (login == null) return false;
    login.cancelled = true;
    return true;
  }

  /** Gives a grant back. Fails only with an error that the program can act on. */
  CompletableFuture<Void> giveBack(String id, long generation) {
    if (generation == 0 || !session.isOpen()) return CompletableFuture.completedFuture(null);
    ReleasePlayer release = ReleasePlayer.newBuilder().setPlayerId(id).setGeneration(generation).build();
    return session
        .request(NodeFrame.newBuilder().setReleasePlayer(release))
        .handle(
            (answer, error) -> {
              KelpieException why = error == null ? null : Errors.fromThrown(error);
              if (why != null && !OVER.contains(why.reason())) throw why;
              return null;
            });
  }

  private static Acquired acquiredBy(PlayerAcquired answer) {
    if (answer.hasGeneration())
      return new Acquired.Granted(
          answer.getGeneration(), answer.hasTicket() ? Optional.of(answer.getTicket()) : Optional.empty());
    if (!answer.hasDenial()) return denied("Try again.");
    PlayerDenial denial = answer.getDenial();
    // A coordinator without reasons denies a login only where another one holds the player.
    PlayerDenialReason reason =
        denial.getReason() == PlayerDenialReason.PLAYER_DENIAL_REASON_UNSPECIFIED
            ? PlayerDenialReason.PLAYER_DENIAL_REASON_ONLINE
            : denial.getReason();
    return new Acquired.Denied(denial.getText(), reason, denial.getProxy());
  }

  private static Acquired denied(String text) {
    return new Acquired.Denied(text, PlayerDenialReason.PLAYER_DENIAL_REASON_UNSPECIFIED, "");
  }
}
