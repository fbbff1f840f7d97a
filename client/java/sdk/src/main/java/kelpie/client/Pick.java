package kelpie.client;

import java.util.Map;
import java.util.Objects;
import kelpie.v1.FallbackReason;
import kelpie.v1.PlayerLookup;
import kelpie.v1.RoutingOccasion;

/**
 * A player who needs a server, for {@link Roster#pick}. It never changes: each method gives a new one.
 *
 * <pre>{@code
 * kelpie.roster().pick(Pick.join().player(xuid).host("play.example.org"));
 * }</pre>
 */
public final class Pick {
  final RoutingOccasion occasion;
  final FallbackReason reason;
  final PlayerLookup player;
  /** Null: those that the roster has of the player. */
  final Map<String, String> properties;
  final String host;
  /** Null: the player's server in the roster, for a fallback. */
  final String fromServer;
  /** Null: the server that the roster saw them leave last. */
  final String lastServer;

  private Pick(
      RoutingOccasion occasion,
      FallbackReason reason,
      PlayerLookup player,
      Map<String, String> properties,
      String host,
      String fromServer,
      String lastServer) {
    this.occasion = occasion;
    this.reason = reason;
    this.player = player;
    this.properties = properties;
    this.host = host;
    this.fromServer = fromServer;
    this.lastServer = lastServer;
  }

  /** The player joins the network. */
  public static Pick join() {
    return of(RoutingOccasion.ROUTING_OCCASION_JOIN, FallbackReason.FALLBACK_REASON_UNSPECIFIED);
  }

  /** The player loses their server, for a reason that is not known. */
  public static Pick fallback() {
    return fallback(FallbackReason.FALLBACK_REASON_UNSPECIFIED);
  }

  /** The player loses their server. */
  public static Pick fallback(FallbackReason reason) {
    return of(RoutingOccasion.ROUTING_OCCASION_FALLBACK, Objects.requireNonNull(reason, "reason"));
  }

  private static Pick of(RoutingOccasion occasion, FallbackReason reason) {
    return new Pick(occasion, reason, PlayerLookup.getDefaultInstance(), null, "", null, null);
  }

  /** The player of this id: the XUID, or the UUID of a player without one. */
  public Pick player(String id) {
    PlayerLookup lookup = PlayerLookup.newBuilder().setId(Texts.wellFormed("player", id)).build();
    return new Pick(occasion, reason, lookup, properties, host, fromServer, lastServer);
  }

  /** An online player of this name. The pick counts nothing if nobody online has it. */
  public Pick playerNamed(String name) {
    PlayerLookup lookup = PlayerLookup.newBuilder().setName(Texts.wellFormed("name", name)).build();
    return new Pick(occasion, reason, lookup, properties, host, fromServer, lastServer);
  }

  /** The properties of the player. Default: those that the roster has of the player. */
  public Pick properties(Map<String, String> properties) {
    return new Pick(occasion, reason, player, Map.copyOf(properties), host, fromServer, lastServer);
  }

  /** The host name that the player connected to. */
  public Pick host(String host) {
    return new Pick(
        occasion, reason, player, properties, Texts.wellFormed("host", host), fromServer, lastServer);
  }

  /** The server that the player comes from. Default for a fallback: their server in the roster. */
  public Pick fromServer(String server) {
    return new Pick(
        occasion, reason, player, properties, host, Texts.wellFormed("fromServer", server), lastServer);
  }

  /** The server that the player was on last, for STICKY. Default: the server that the roster saw them leave last. */
  public Pick lastServer(String server) {
    return new Pick(
        occasion, reason, player, properties, host, fromServer, Texts.wellFormed("lastServer", server));
  }
}
