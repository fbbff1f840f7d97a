package kelpie.waterdogpe;

import dev.waterdog.waterdogpe.ProxyServer;
import dev.waterdog.waterdogpe.network.connection.handler.IForcedHostHandler;
import dev.waterdog.waterdogpe.network.connection.handler.IJoinHandler;
import dev.waterdog.waterdogpe.network.connection.handler.IReconnectHandler;
import dev.waterdog.waterdogpe.network.connection.handler.ReconnectReason;
import dev.waterdog.waterdogpe.network.serverinfo.ServerInfo;
import dev.waterdog.waterdogpe.player.ProxiedPlayer;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Function;
import kelpie.client.Pick;
import kelpie.client.PickedServer;
import kelpie.client.Roster;
import kelpie.v1.FallbackReason;

/**
 * Chooses servers for players by the routing rules of the network: on the thread of their connection, from memory. Where
 * the rules name no server, the proxy's own handlers may name one of config.yml.
 */
final class Routes implements IJoinHandler, IReconnectHandler, IForcedHostHandler {
  private static final int PICKS = 3;

  private final ProxyServer proxy;
  private final Roster roster;
  private final Sessions sessions;
  private final Transfers transfers;
  private final IJoinHandler joins;
  private final IReconnectHandler fallbacks;
  private final IForcedHostHandler hosts;

  /** Takes the place of the proxy's handlers. In onEnable: the proxy sets its own ones after onStartup. */
  Routes(ProxyServer proxy, Roster roster, Sessions sessions, Transfers transfers) {
    this.proxy = proxy;
    this.roster = roster;
    this.sessions = sessions;
    this.transfers = transfers;
    joins = proxy.getJoinHandler();
    fallbacks = proxy.getReconnectHandler();
    hosts = proxy.getForcedHostHandler();
    proxy.setJoinHandler(this);
    proxy.setReconnectHandler(this);
    proxy.setForcedHostHandler(this);
  }

  /** Gives the proxy its own handlers back, where they are still ours. */
  void close() {
    if (proxy.getJoinHandler() == this) proxy.setJoinHandler(joins);
    if (proxy.getReconnectHandler() == this) proxy.setReconnectHandler(fallbacks);
    if (proxy.getForcedHostHandler() == this) proxy.setForcedHostHandler(hosts);
  }

  /** The proxy asks this before the join handler: the ticket of a transfer goes before a forced host. */
  @Override
  public ServerInfo resolveForcedHost(String domain, ProxiedPlayer player) {
    return ticketed(player).orElseGet(() -> hosts == null ? null : hosts.resolveForcedHost(domain, player));
  }

  @Override
  public ServerInfo determineServer(ProxiedPlayer player) {
    return ticketed(player)
        .or(() -> pick(Pick.join(), player, ""))
        .orElseGet(() -> own(joins == null ? null : joins.determineServer(player)));
  }

  /** The server that the ticket of a transfer names, once. */
  private Optional<ServerInfo> ticketed(ProxiedPlayer player) {
    PlayerSession session = sessions.of(player);
    if (session == null || session.ticketServer.isEmpty()) return Optional.empty();
    ServerInfo server = proxy.getServerInfo(session.ticketServer);
    session.ticketServer = "";
    return Optional.ofNullable(server);
  }

  @Override
  public ServerInfo getFallbackServer(
      ProxiedPlayer player, ServerInfo oldServer, ReconnectReason reason, String kickMessage) {
    // On v2.0.3 this is the only sign that a transfer failed.
    if (oldServer != null) transfers.failed(player, oldServer, kickMessage);
    Pick fallback = Pick.fallback(reasonOf(reason));
    String from = nameOf(oldServer);
    Optional<ServerInfo> picked = pick(fallback, player, from);
    // v2.0.3 kicks a player whose transfer failed, unless they get a server other than the one that they are on.
    if (picked.isPresent() && picked.get() == player.getServerInfo())
      picked = pick(fallback, player, nameOf(player.getServerInfo())).filter(server -> server != oldServer);
    return picked.orElseGet(
        () -> own(fallbacks == null ? null : fallbacks.getFallbackServer(player, oldServer, reason, kickMessage)));
  }

  /** After v2.0.3: the player is still on their server, and stays there. */
  @Override
  public ServerInfo getTransferFailureServer(
      ProxiedPlayer player, ServerInfo targetServer, ReconnectReason reason, String kickMessage) {
    return null;
  }

  /** The rules may name a server that the proxy does not have, as its host has no address: then they choose again. */
  private Optional<ServerInfo> pick(Pick pick, ProxiedPlayer player, String from) {
    Pick next = pick;
    String left = from;
    for (int turn = 0; turn < PICKS; turn++) {
      Pick whole = next.player(Facts.idOf(player)).host(hostOf(player));
      Optional<PickedServer> picked = roster.pick(left.isEmpty() ? whole : whole.fromServer(left));
      if (picked.isEmpty()) return Optional.empty();
      ServerInfo server = proxy.getServerInfo(picked.get().server());
      if (server != null) return Optional.of(server);
      next = Pick.fallback(FallbackReason.FALLBACK_REASON_EXCEPTION);
      left = picked.get().server();
    }
    return Optional.empty();
  }

  /** The choice of the proxy's own handler. A node of the network is none: the rules have decided against it. */
  private ServerInfo own(ServerInfo server) {
    return server != null && roster.node(server.getServerName()).isPresent() ? null : server;
  }

  private static String hostOf(ProxiedPlayer player) {
    String host = player.getLoginData() == null ? null : player.getLoginData().getJoinHostname();
    return host == null ? "" : host;
  }

  private static String nameOf(ServerInfo server) {
    return server == null ? "" : server.getServerName();
  }

  private static FallbackReason reasonOf(ReconnectReason reason) {
    Function<String, FallbackReason> named =
        name ->
            switch (name.toLowerCase(Locale.ROOT)) {
              case "server_kick" -> FallbackReason.FALLBACK_REASON_SERVER_KICK;
              case "timeout" -> FallbackReason.FALLBACK_REASON_TIMEOUT;
              case "exception" -> FallbackReason.FALLBACK_REASON_EXCEPTION;
              case "transfer_failed" -> FallbackReason.FALLBACK_REASON_TRANSFER_FAILED;
              case "incompatible" -> FallbackReason.FALLBACK_REASON_INCOMPATIBLE;
              default -> FallbackReason.FALLBACK_REASON_UNSPECIFIED;
            };
    return reason == null ? FallbackReason.FALLBACK_REASON_UNSPECIFIED : named.apply(reason.getName());
  }
}
