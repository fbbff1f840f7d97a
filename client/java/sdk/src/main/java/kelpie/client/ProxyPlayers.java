package kelpie.client;

import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import kelpie.v1.Player;
import kelpie.v1.PlayerChange;
import kelpie.v1.PlayerLeaveReason;
import kelpie.v1.PlayerReport;

/**
 * The players who are on this node, and what the proxy reports about them. The coordinator decides which proxy holds a
 * player. Loop only.
 */
final class ProxyPlayers {
  private final Session session;
  private final PlayerList list;
  private final PlayerReporting reporting;
  private final Logins logins;
  /** The node's own name, if players join it directly; null for a proxy. */
  private final String ownServer;

  ProxyPlayers(Session session, PlayerList list, PlayerReporting reporting, Logins logins, String ownServer) {
    this.session = session;
    this.list = list;
    this.reporting = reporting;
    this.logins = logins;
    this.ownServer = ownServer;
  }

  /** See {@link Players#release}. */
  CompletableFuture<Void> release(String id) {
    boolean asking = logins.cancel(id);
    PlayerList.Login login = list.endLogin(id);
    if (login != null) return logins.giveBack(id, login.generation);
    return asking ? CompletableFuture.completedFuture(null) : left(id, PlayerLeaveReason.PLAYER_LEAVE_REASON_QUIT);
  }

  /** See {@link Players#joined}. */
  CompletableFuture<Void> joined(Player facts) {
    PlayerList.Login login = list.endLogin(facts.getId());
    ListedPlayer present = login == null ? list.get(facts.getId()) : null;
    if (present != null) return updated(present, facts);
    Player player = PlayerFacts.onOwnServer(facts, ownServer);
    ListedPlayer listed = list.add(player, login == null ? 0 : login.generation, session.loop().nowMs());
    if (login != null && login.waitsFor != null) {
      login.listed = listed;
      listed.waitsFor = login.waitsFor;
    }
    return reporting.report(
        listed, PlayerReport.newBuilder().setJoined(player), refusal -> list.remove(listed));
  }

  private CompletableFuture<Void> updated(ListedPlayer listed, Player facts) {
    Player before = listed.player;
    boolean keepsServer = facts.getServer().isEmpty();
    Player player =
        keepsServer
            ? facts.toBuilder().setServer(before.getServer()).build()
            : PlayerFacts.onOwnServer(facts, ownServer);
    list.set(listed, player);
    Consumer<KelpieException> undo =
        refusal -> {
          if (listed.player == player) list.set(listed, before);
        };
    return reporting.report(listed, PlayerReport.newBuilder().setJoined(player), undo);
  }

  /** See {@link Players#moved}. */
  CompletableFuture<Void> moved(String id, String given) {
    ListedPlayer listed = listedOf(id);
    String server = PlayerFacts.ownServerOf(PlayerFacts.lower(given), ownServer);
    String before = listed.player.getServer();
    if (before.equals(server)) return CompletableFuture.completedFuture(null);
    list.set(listed, listed.player.toBuilder().setServer(server).build());
    Consumer<KelpieException> undo =
        refusal -> {
          if (listed.player.getServer().equals(server))
            list.set(listed, listed.player.toBuilder().setServer(before).build());
        };
    return reporting.report(listed, PlayerReport.newBuilder().setMovedTo(server), undo);
  }

  /** See {@link Players#changed}. */
  CompletableFuture<Void> changed(String id, PlayerChange change) {
    ListedPlayer listed = listedOf(id);
    Player before = listed.player;
    listed.player = PlayerFacts.changed(before, change);
    Consumer<KelpieException> undo =
        refusal -> listed.player = PlayerFacts.unchanged(listed.player, before, change);
    return reporting.report(listed, PlayerReport.newBuilder().setChanged(change), undo);
  }

  /** See {@link Players#left}. */
  CompletableFuture<Void> left(String id, PlayerLeaveReason reason) {
    ListedPlayer listed = list.get(id);
    if (listed == null) return CompletableFuture.completedFuture(null);
    list.remove(listed);
    return reporting.report(listed, PlayerReport.newBuilder().setLeft(reason), refusal -> {});
  }

  private ListedPlayer listedOf(String id) {
    return Optional.ofNullable(list.get(id))
        .orElseThrow(
            () -> new KelpieException(Reason.PLAYER_NOT_FOUND, "player " + Texts.shown(id) + " is not on this node"));
  }
}
