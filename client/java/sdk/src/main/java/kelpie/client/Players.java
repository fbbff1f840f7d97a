package kelpie.client;

import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;
import kelpie.v1.DuplicatePolicy;
import kelpie.v1.NodeFrame;
import kelpie.v1.Player;
import kelpie.v1.PlayerChange;
import kelpie.v1.PlayerLeaveReason;
import kelpie.v1.PlayerRef;
import kelpie.v1.UpdatePlayer;

/**
 * The players of this node, and changes of players elsewhere. Every role can use {@link #update}. The rest is for a node
 * that holds players: a proxy, or a server that players join directly, with the option {@code players}. For others it
 * throws ROLE_HOLDS_NO_PLAYERS. All methods may be called from any thread, and none waits. What one thread reports about
 * a player reaches the coordinator in that order.
 *
 * <p>For the players of the whole network, read {@code client.roster()} with the option {@code rosterPlayers}, or
 * subscribe to {@code players.*}.
 */
public final class Players {
  private final Session session;
  /** Null for a node that holds no players. */
  private final PlayersPart part;

  Players(Session session, Roster roster) {
    this.session = session;
    part = session.options().players == null ? null : new PlayersPart(session, roster);
  }

  /** The part that follows the session; for a node without players it does nothing. */
  Part part() {
    return part == null ? new Part() {} : part;
  }

  /** Whether a player is on this node with this generation; true for a node that holds no players. Any thread. */
  boolean holds(PlayerRef player) {
    return part == null || part.holds(player);
  }

  /** The number of players who are on this node. */
  public int size() {
    return own().list.size();
  }

  /** A player who is on this node, with the facts that were reported last; its generation is not set. */
  public Optional<Player> get(String id) {
    return Optional.ofNullable(own().list.get(id)).map(listed -> listed.player);
  }

  /** {@link #acquire(Player, DuplicatePolicy)} with VERIFY_OLD. */
  public CompletableFuture<Acquired> acquire(Player player) {
    return acquire(player, DuplicatePolicy.DUPLICATE_POLICY_VERIFY_OLD);
  }

  /**
   * Asks the coordinator for a player during their login, before the proxy lets them in. The player needs a name, and a
   * XUID or a UUID. {@code policy} is the rule if another proxy has the player: VERIFY_OLD asks that proxy whether the
   * player is really there, KICK_OLD evicts them from it, DENY_NEW refuses the login. After a grant call {@link #joined}
   * within 60 s, or {@link #release}. If no coordinator decides, {@code openWhenAway} is the rule, also after the end of
   * the client. Fails with PLAYER_INVALID, PLAYER_LIMIT and the other reasons of AcquirePlayer: do not let the player in
   * then.
   */
  public CompletableFuture<Acquired> acquire(Player player, DuplicatePolicy policy) {
    PlayersPart own = own();
    CompletableFuture<Acquired> acquired =
        inLoop(
            () -> {
              Player facts = PlayerFacts.of(player);
              return () -> own.logins.acquire(facts, policy);
            });
    return acquired.exceptionallyCompose(
        error ->
            own.ended != null && Errors.fromThrown(error) == own.ended
                ? CompletableFuture.completedFuture(own.logins.undecided(PlayerFacts.of(player)))
                : CompletableFuture.failedFuture(error));
  }

  /** The login ended before the player was in. For a player who is in, the call is the same as {@link #left}. */
  public CompletableFuture<Void> release(String id) {
    PlayersPart own = own();
    return inLoop(() -> () -> own.players.release(id));
  }

  /**
   * The player is in, with these facts; for a player who was in already, these are the new facts, and an empty server
   * keeps the one that was reported before. A call without {@link #acquire} ends the player's presence elsewhere. For a
   * player who was in already, the coordinator ignores the new properties, context and language that another node changed
   * with {@link #update}: to replace them, call {@link #changed}. Fails with the reasons of PlayerReportResult, for
   * example PLAYER_INVALID: the player does not count as online here then.
   */
  public CompletableFuture<Void> joined(Player player) {
    PlayersPart own = own();
    return inLoop(
        () -> {
          Player facts = PlayerFacts.of(player);
          return () -> own.players.joined(facts);
        });
  }

  /**
   * The player is on this server now; an empty name means on no server. If no node has this name, the coordinator keeps
   * the name and marks it. Fails with PLAYER_NOT_FOUND if the player is not in, and with PLAYER_INVALID if the node of
   * that name is not a server, or if players join this node directly and the name is another one.
   */
  public CompletableFuture<Void> moved(String id, String server) {
    PlayersPart own = own();
    return inLoop(
        () -> {
          Texts.wellFormed("server", server);
          return () -> own.players.moved(id, server);
        });
  }

  /**
   * The player has changed. The change also replaces the same facts of another node ({@link #update}). Fails with
   * PLAYER_NOT_FOUND, LABELS_INVALID or PLAYER_INVALID. Completes at once while no coordinator is connected: the client
   * sends the change after it has connected again, and reports a later refusal as a status.
   */
  public CompletableFuture<Void> changed(String id, PlayerChange change) {
    PlayersPart own = own();
    return inLoop(() -> () -> own.players.changed(id, change));
  }

  /**
   * The player left: QUIT or KICKED. The call does nothing for a player who is not in: they were evicted. While the
   * player logs in again, the call reports that their older connection ended. Throws OUT_OF_RANGE for another reason.
   */
  public CompletableFuture<Void> left(String id, PlayerLeaveReason reason) {
    PlayersPart own = own();
    if (reason != PlayerLeaveReason.PLAYER_LEAVE_REASON_QUIT && reason != PlayerLeaveReason.PLAYER_LEAVE_REASON_KICKED)
      throw Errors.outOfRange("reason", reason, "QUIT or KICKED");
    return inLoop(() -> () -> own.players.left(id, reason));
  }

  /**
   * Changes facts of an online player, also of a player whom another node holds: a server may set properties of its
   * players. Fails with PLAYER_NOT_FOUND, STALE_GENERATION (they logged in again), RIGHT_MISSING, LABELS_INVALID,
   * TEXT_TOO_LONG or PLAYER_INVALID, and with UNAVAILABLE while no coordinator is connected.
   */
  public CompletableFuture<Void> update(PlayerRef player, PlayerChange change) {
    UpdatePlayer update =
        UpdatePlayer.newBuilder()
            .setPlayerId(player.getPlayerId())
            .setGeneration(player.getGeneration())
            .setChange(change)
            .build();
    return session.call(NodeFrame.newBuilder().setUpdatePlayer(update)).thenApply(answer -> null);
  }

  private PlayersPart own() {
    if (part != null) return part;
    String message =
        "only proxies, and servers that players join directly, hold players: connect with the option players";
    throw Errors.permanent(Reason.ROLE_HOLDS_NO_PLAYERS, message, Map.of());
  }

  /** Checks the arguments on this thread, and runs the work in the loop. Errors of both fail the future. */
  private <T> CompletableFuture<T> inLoop(Supplier<Supplier<CompletableFuture<T>>> checked) {
    CompletableFuture<T> inner = new CompletableFuture<>();
    if (part.ended != null) return CompletableFuture.failedFuture(part.ended);
    try {
      Supplier<CompletableFuture<T>> work = checked.get();
      session.loop().execute(() -> run(work, inner));
    } catch (RuntimeException error) {
      inner.completeExceptionally(Errors.fromThrown(error));
    }
    // The client may have ended meanwhile: its loop runs nothing then.
    KelpieException end = part.ended;
    if (end != null) inner.completeExceptionally(end);
    return session.handOver(inner);
  }

  private static <T> void run(Supplier<CompletableFuture<T>> work, CompletableFuture<T> inner) {
    try {
      work.get()
          .whenComplete(
              (value, error) -> {
                if (error == null) inner.complete(value);
                else inner.completeExceptionally(Errors.fromThrown(error));
              });
    } catch (RuntimeException error) {
      inner.completeExceptionally(Errors.fromThrown(error));
    }
  }
}
