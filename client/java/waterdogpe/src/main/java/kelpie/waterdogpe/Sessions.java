package kelpie.waterdogpe;

import dev.waterdog.waterdogpe.player.ProxiedPlayer;
import dev.waterdog.waterdogpe.utils.types.TextContainer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import kelpie.client.Evicted;
import kelpie.client.KelpieClient;
import kelpie.client.KelpieException;
import kelpie.client.Players;
import kelpie.client.Reason;
import kelpie.v1.Player;
import kelpie.v1.PlayerLeaveReason;

/**
 * The connections of players, and their reports to the network. The events of the proxy come on many threads and in any
 * order. So each report has the state of the connection at that moment, and this class makes the reports of a player one
 * after the other, under one lock: each of them only puts a report into a queue.
 *
 * <p>A connection is known by its object, and not by the player's id: when a player logs in again, the events of their
 * older connection may come after those of the newer one. The proxy's own table is no help there, as the end of the older
 * connection removes the newer one from it.
 */
final class Sessions {
  private static final long GRANT_NANOS = TimeUnit.SECONDS.toNanos(60);
  /** A player who still loads resource packs is reported before their grant lapses, on no server. */
  private static final long UNREPORTED_NANOS = TimeUnit.SECONDS.toNanos(30);
  /** So many looks at a dead connection end it: the proxy sometimes forgets the event of its end. */
  private static final int MISSED = 2;

  private final Players players;
  private final Map<ProxiedPlayer, PlayerSession> byPlayer = new IdentityHashMap<>();
  /** The newest connection of each player, by id. */
  private final Map<String, PlayerSession> newest = new HashMap<>();

  private boolean closed;

  Sessions(Players players) {
    this.players = players;
  }

  /** A login begins. */
  synchronized PlayerSession begin(ProxiedPlayer player) {
    PlayerSession session = new PlayerSession(player, Facts.idOf(player));
    byPlayer.put(player, session);
    newest.put(session.id, session);
    // The proxy calls it for each packet, which shows how long ago the client was heard.
    player.getPluginPacketHandlers().add(session);
    return session;
  }

  /** The coordinator granted the login. */
  synchronized void granted(PlayerSession session, long generation, String ticketServer) {
    if (session.state != PlayerSession.State.ASKING) return;
    session.state = PlayerSession.State.GRANTED;
    session.generation = generation;
    session.ticketServer = ticketServer;
    session.grantedNanos = System.nanoTime();
  }

  /** The login is refused. */
  synchronized void denied(PlayerSession session) {
    session.state = PlayerSession.State.ENDED;
    forget(session);
  }

  /** The player is on a server: reports that they joined, or moved there. */
  void arrived(ProxiedPlayer player, String server) {
    // Of two events that come in the wrong order, the player's own state is right; but not during the next transfer.
    watch(report(player, Transfers.switching(player) ? server : Facts.serverOf(player)));
  }

  private synchronized CompletableFuture<Void> report(ProxiedPlayer player, String server) {
    PlayerSession session = byPlayer.get(player);
    if (closed || !player.isConnected()) return CompletableFuture.completedFuture(null);
    // The plugin came after the login.
    if (session == null) session = begin(player);
    if (session.state == PlayerSession.State.JOINED) return players.moved(session.id, server);
    if (session.state == PlayerSession.State.ENDED) return CompletableFuture.completedFuture(null);
    return join(session);
  }

  private CompletableFuture<Void> join(PlayerSession session) {
    session.state = PlayerSession.State.JOINED;
    // The client may have forgotten the grant by now, and reports the player without one then.
    if (System.nanoTime() - session.grantedNanos > GRANT_NANOS) session.generation = 0;
    Player facts = Facts.of(session.player);
    CompletableFuture<Void> joined = players.joined(facts);
    joined.exceptionally(
        thrown -> {
          KelpieException refusal = KelpieClient.errorOf(thrown);
          // The coordinator does not have the player: they must not play unseen.
          if (refusal.reason() != Reason.CLOSED) end(session, "The network refused you: " + refusal.getMessage());
          return null;
        });
    return joined;
  }

  /** A refused report of a move is no reason to disconnect: the next list of the proxy settles it. */
  private static void watch(CompletableFuture<Void> report) {
    report.exceptionally(refusal -> null);
  }

  /** The connection is over. Completes when the network has the report of it, or needs none. */
  synchronized CompletableFuture<Void> disconnected(ProxiedPlayer player) {
    CompletableFuture<Void> none = CompletableFuture.completedFuture(null);
    PlayerSession session = byPlayer.get(player);
    if (session == null || closed) return none;
    PlayerSession.State before = session.state;
    session.state = PlayerSession.State.ENDED;
    PlayerSession current = newest.get(session.id);
    forget(session);
    // A newer connection of the player is in, and took the place of this one in each report.
    if (current != session && current != null && current.state == PlayerSession.State.JOINED) return none;
    if (before == PlayerSession.State.JOINED)
      return players.left(
          session.id,
          session.kicked ? PlayerLeaveReason.PLAYER_LEAVE_REASON_KICKED : PlayerLeaveReason.PLAYER_LEAVE_REASON_QUIT);
    return current == session && before != PlayerSession.State.ENDED ? players.release(session.id) : none;
  }

  private void forget(PlayerSession session) {
    byPlayer.remove(session.player, session);
    newest.remove(session.id, session);
  }

  /** The network has taken the player from this proxy. */
  void evicted(Evicted evicted) {
    List<PlayerSession> ended = new ArrayList<>();
    synchronized (this) {
      for (PlayerSession session : byPlayer.values())
        if (session.id.equals(evicted.id()) && concerns(evicted, session)) ended.add(session);
      for (PlayerSession session : ended) session.state = PlayerSession.State.ENDED;
    }
    for (PlayerSession session : ended) session.player.disconnect(new TextContainer(evicted.text()));
  }

  /** Not a login that waits for its answer, and not one with a newer grant: the eviction is about an older one. */
  private static boolean concerns(Evicted evicted, PlayerSession session) {
    // Nobody evicts a login without a grant: no coordinator knows it.
    if (session.generation == 0) return session.state == PlayerSession.State.JOINED;
    return session.state != PlayerSession.State.ENDED && session.generation <= evicted.generation();
  }

  /** Disconnects the player of a session. */
  private void end(PlayerSession session, String text) {
    synchronized (this) {
      session.state = PlayerSession.State.ENDED;
    }
    session.player.disconnect(new TextContainer(text));
  }

  /** Disconnects a player for an operator. False if they are not here. */
  boolean kick(String id, String text) {
    PlayerSession session;
    synchronized (this) {
      session = newest.get(id);
      if (session == null || !session.player.isConnected()) return false;
      session.kicked = true;
    }
    session.player.disconnect(new TextContainer(text));
    return true;
  }

  /** The newest connection of a player; null if there is none. */
  synchronized PlayerSession get(String id) {
    return newest.get(id);
  }

  /** The session of a connection; null if there is none. */
  synchronized PlayerSession of(ProxiedPlayer player) {
    return byPlayer.get(player);
  }

  /** The players who are reported as online. */
  synchronized List<PlayerSession> joined() {
    return byPlayer.values().stream().filter(session -> session.state == PlayerSession.State.JOINED).toList();
  }

  /**
   * Compares the sessions with the players that the proxy has: takes those whom no event announced, ends those whose
   * connection died without an event, and reports those who load their resource packs for so long that their grant would
   * lapse.
   */
  synchronized void settle(Iterable<ProxiedPlayer> present) {
    if (closed) return;
    for (ProxiedPlayer player : present)
      if (!byPlayer.containsKey(player) && player.isConnected() && player.getServerInfo() != null)
        watch(report(player, Facts.serverOf(player)));
    for (PlayerSession session : List.copyOf(byPlayer.values())) {
      if (session.state == PlayerSession.State.ASKING) continue;
      if (session.player.isConnected()) settle(session);
      else if (++session.missed >= MISSED) disconnected(session.player);
    }
  }

  private void settle(PlayerSession session) {
    session.missed = 0;
    boolean waits = session.state == PlayerSession.State.GRANTED;
    if (waits && System.nanoTime() - session.grantedNanos > UNREPORTED_NANOS) watch(join(session));
    // An event of a move may have been missed too.
    else if (session.state == PlayerSession.State.JOINED && !Transfers.switching(session.player))
      watch(report(session.player, Facts.serverOf(session.player)));
  }

  /** The plugin ends: the network drops all players of this proxy, and later events change nothing. */
  synchronized void close() {
    closed = true;
    byPlayer.clear();
    newest.clear();
  }
}
