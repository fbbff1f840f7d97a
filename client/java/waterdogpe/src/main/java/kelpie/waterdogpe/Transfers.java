package kelpie.waterdogpe;

import dev.waterdog.waterdogpe.ProxyServer;
import dev.waterdog.waterdogpe.network.protocol.handler.TransferCallback;
import dev.waterdog.waterdogpe.network.serverinfo.ServerInfo;
import dev.waterdog.waterdogpe.network.serverinfo.ServerInfoType;
import dev.waterdog.waterdogpe.player.ProxiedPlayer;
import java.net.InetSocketAddress;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import kelpie.client.CommandContext;
import kelpie.v1.Address;
import kelpie.v1.TransferPlayerCommand;

/**
 * Moves players for the network. The proxy's {@code connect} reports nothing: it refuses a transfer with a line of chat
 * alone, and v2.0.3 has no event of a transfer that failed. So the plugin looks first, follows each transfer by the
 * player's state and by events, and has a deadline of its own.
 */
final class Transfers {
  private static final long LOOK_MS = 250;
  /** So many looks in a row at a player who does not move end the transfer: its events have had time to come. */
  private static final int IDLE_LOOKS = 3;
  /** So many looks at a player who is gone end the transfer too. */
  private static final int GONE_LOOKS = 12;
  /** The reply goes out so long before the network gives up. */
  private static final long MARGIN_MS = 250;

  /** A transfer that has begun. */
  private final class Move {
    final PlayerSession session;
    final ServerInfo target;
    final CompletableFuture<Void> done = new CompletableFuture<>();
    int idle;

    Move(PlayerSession session, ServerInfo target) {
      this.session = session;
      this.target = target;
    }
  }

  private final ProxyServer proxy;
  private final Sessions sessions;
  private final Executor work;
  private final ScheduledExecutorService timer;
  /** By connection: a player moves to one server at a time. */
  private final Map<ProxiedPlayer, Move> moves = new HashMap<>();

  Transfers(ProxyServer proxy, Sessions sessions, Executor work, ScheduledExecutorService timer) {
    this.proxy = proxy;
    this.sessions = sessions;
    this.work = work;
    this.timer = timer;
  }

  /** Whether a transfer of the player is between its first and its last packet. */
  static boolean switching(ProxiedPlayer player) {
    TransferCallback transfer = player.getRewriteData().getTransferCallback();
    return transfer != null && transfer.getPhase() != TransferCallback.TransferPhase.RESET;
  }

  /** Handles transfer_player. Completes when the player is there, or when their client was sent to another proxy. */
  CompletableFuture<Void> handle(TransferPlayerCommand asked, CommandContext context) {
    PlayerSession session = sessions.get(asked.getPlayer().getPlayerId());
    if (session == null || !session.player.isConnected()) return refuse("the player is not here any more");
    // `connect` and the DNS may take their time: not on the thread of the client.
    CompletableFuture<Void> moved =
        asked.hasAddress()
            ? CompletableFuture.runAsync(() -> redirect(session, asked), work)
            : CompletableFuture.supplyAsync(() -> begin(session, asked.getServer(), context), work)
                .thenCompose(done -> done);
    return moved.orTimeout(mostMs(context), TimeUnit.MILLISECONDS);
  }

  private static long mostMs(CommandContext context) {
    return Math.max(MARGIN_MS, context.timeLeft().toMillis() - MARGIN_MS);
  }

  /** The player's client connects to another proxy. The proxy reports the player's end when the client is gone. */
  private void redirect(PlayerSession session, TransferPlayerCommand asked) {
    Address to = asked.getAddress();
    // v2.0.3 needs the resolved address; later versions send the host as it is.
    InetSocketAddress address = new InetSocketAddress(to.getHost(), to.getPort());
    if (address.isUnresolved()) throw new IllegalStateException(to.getHost() + " has no address");
    ServerInfo there =
        proxy.getServerInfoMap().createServerInfo(asked.getToProxy(), address, address, ServerInfoType.BEDROCK);
    session.player.redirectServer(there);
  }

  private CompletableFuture<Void> begin(PlayerSession session, String server, CommandContext context) {
    ProxiedPlayer player = session.player;
    ServerInfo target = proxy.getServerInfo(server);
    if (target == null) return refuse("this proxy has no server " + server);
    boolean switching = switching(player);
    boolean onTheWay = player.getPendingServers().contains(target) || player.getConnectingServer() == target;
    boolean there = player.getServerInfo() == target;
    if (there && !switching && !onTheWay) {
      sessions.arrived(player, Facts.serverOf(player));
      return CompletableFuture.completedFuture(null);
    }
    if (switching && !there) return refuse("another transfer of the player is under way");
    Move move = new Move(session, target);
    synchronized (moves) {
      if (moves.putIfAbsent(player, move) != null) return refuse("another transfer of the player is under way");
    }
    // Somebody else has begun the same transfer: `connect` would refuse it, and its end counts.
    if (!onTheWay && !there) connect(move);
    ScheduledFuture<?> looks =
        timer.scheduleWithFixedDelay(() -> look(move), LOOK_MS, LOOK_MS, TimeUnit.MILLISECONDS);
    // The deadline ends the looks too. Only this move is forgotten: a request that was refused has none.
    return move.done
        .orTimeout(mostMs(context), TimeUnit.MILLISECONDS)
        .whenComplete(
            (done, error) -> {
              looks.cancel(false);
              forget(move);
            });
  }

  private void connect(Move move) {
    try {
      move.session.player.connect(move.target);
    } catch (RuntimeException refusal) {
      // It throws for a player who is not logged in yet, or who is gone.
      fail(move, "the proxy refused the transfer: " + refusal.getMessage());
    }
  }

  /** Ends a transfer that nothing shows any more: the proxy denied it, another plugin stopped it, or v2.0.3 failed. */
  private void look(Move move) {
    ProxiedPlayer player = move.session.player;
    if (!player.isConnected()) {
      // The event of the end comes first, if the proxy does not forget it.
      if (++move.idle >= GONE_LOOKS) fail(move, "the player left");
      return;
    }
    boolean moves =
        switching(player)
            || player.getPendingServers().contains(move.target)
            || player.getConnectingServer() == move.target;
    move.idle = moves ? 0 : move.idle + 1;
    if (move.idle < IDLE_LOOKS) return;
    // The event of the end was missed.
    if (player.getServerInfo() == move.target) arrived(player, move.target);
    else fail(move, "the proxy did not move the player: it refused, or another plugin stopped it");
  }

  /** The proxy is about to move a player, after all other plugins had their say. */
  void requested(ProxiedPlayer player, ServerInfo target, boolean cancelled) {
    Move move = of(player);
    if (move == null || move.done.isDone()) return;
    if (cancelled) fail(move, "another plugin stopped the transfer");
    else if (target != move.target)
      fail(move, "the player moves to " + (target == null ? "no server" : target.getServerName()));
  }

  /** A player has moved. Their report is on its way already. */
  void arrived(ProxiedPlayer player, ServerInfo target) {
    sessions.arrived(player, target.getServerName());
    Move move = of(player);
    if (move != null && move.target == target) move.done.complete(null);
  }

  /** A player could not move to this server. */
  void failed(ProxiedPlayer player, ServerInfo target, String reason) {
    Move move = of(player);
    if (move != null && move.target == target) fail(move, "the player could not connect: " + reason);
  }

  /** The player's connection is over, and the network has the report of it. */
  void disconnected(ProxiedPlayer player) {
    Move move = of(player);
    if (move != null) fail(move, "the player left");
  }

  private Move of(ProxiedPlayer player) {
    synchronized (moves) {
      return moves.get(player);
    }
  }

  private void forget(Move move) {
    synchronized (moves) {
      moves.remove(move.session.player, move);
    }
  }

  private static void fail(Move move, String reason) {
    move.done.completeExceptionally(new IllegalStateException(reason));
  }

  private static CompletableFuture<Void> refuse(String reason) {
    return CompletableFuture.failedFuture(new IllegalStateException(reason));
  }

  /** Ends all transfers: the proxy stops. */
  void close() {
    List<Move> all;
    synchronized (moves) {
      all = List.copyOf(moves.values());
    }
    for (Move move : all) fail(move, "the proxy stops");
  }
}
