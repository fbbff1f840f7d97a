package kelpie.client;

import java.util.Map;
import kelpie.v1.FallbackReason;
import kelpie.v1.ProxyDestination;
import kelpie.v1.RoutedDestination;
import kelpie.v1.ServerSelection;
import kelpie.v1.ServerSelector;
import kelpie.v1.TransferDestination;

/** The place that players are moved to. */
public final class Destination {
  private final TransferDestination wire;

  private Destination(TransferDestination.Builder wire) {
    this.wire = wire.build();
  }

  /** The server of this name, in any case. Throws VALUE_INVALID for an empty name. */
  public static Destination server(String name) {
    return new Destination(TransferDestination.newBuilder().setServer(named("server", name)));
  }

  /** One of the servers with these labels: the one with the fewest players. */
  public static Destination servers(Map<String, String> labels) {
    return servers(
        ServerSelection.newBuilder().setServers(ServerSelector.newBuilder().putAllLabels(labels)).build());
  }

  /** One of the servers that match. */
  public static Destination servers(ServerSelection selection) {
    return new Destination(TransferDestination.newBuilder().setServers(selection));
  }

  /**
   * Another node that players connect to, by its public address. Its routing rules decide about the server. Throws
   * VALUE_INVALID for an empty name.
   */
  public static Destination proxy(String name) {
    return proxy(name, "");
  }

  /** The same, and the server that the players are on then. */
  public static Destination proxy(String name, String server) {
    return ofProxy(named("proxy", name), server);
  }

  /** The proxy with a public address that has the fewest players, and is not the player's own. */
  public static Destination anyProxy() {
    return ofProxy("", "");
  }

  /** The server that the routing rules give for a fallback with this reason. */
  public static Destination routed(FallbackReason reason) {
    return new Destination(
        TransferDestination.newBuilder().setRouted(RoutedDestination.newBuilder().setReason(reason)));
  }

  private static Destination ofProxy(String name, String server) {
    ProxyDestination.Builder proxy =
        ProxyDestination.newBuilder().setName(name).setServer(Texts.wellFormed("server", server));
    return new Destination(TransferDestination.newBuilder().setProxy(proxy));
  }

  /** An empty name, of a setting that is missing, must not stand for any node. */
  private static String named(String field, String name) {
    if (!Texts.wellFormed(field, name).isEmpty()) return name;
    throw Errors.invalid(field + " is empty; it must be the name of a node", field);
  }

  TransferDestination toWire() {
    return wire;
  }
}
