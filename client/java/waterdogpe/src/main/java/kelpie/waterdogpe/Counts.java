package kelpie.waterdogpe;

import dev.waterdog.waterdogpe.event.defaults.ProxyPingEvent;
import java.util.List;
import kelpie.client.Players;
import kelpie.client.Roster;
import kelpie.v1.Node;
import kelpie.v1.NodeRole;

/** The players of the whole network in the server list and in queries: from memory, on the thread of the ping. */
final class Counts {
  private final String proxy;
  private final Roster roster;
  private final Players players;

  /** {@code proxy}: the name of this node. */
  Counts(String proxy, Roster roster, Players players) {
    this.proxy = proxy;
    this.roster = roster;
    this.players = players;
  }

  void show(ProxyPingEvent event) {
    // Before the first roster the proxy's own numbers are better.
    if (roster.nodes().isEmpty()) return;
    // The own players are known here, also those that the roster does not show yet.
    int count = roster.playerCount() - roster.playersOnProxy(proxy) + players.size();
    event.setPlayerCount(count);
    // The proxy ignores the count 0 and takes the size of this list.
    if (count == 0) event.setPlayers(List.of());
    long most = most();
    if (most > 0) event.setMaximumPlayerCount((int) Math.min(most, Integer.MAX_VALUE));
  }

  /** The players who fit on all proxies together; 0 if not every proxy reports a limit. */
  private long most() {
    long most = 0;
    for (Node node : roster.nodes()) {
      if (node.getRole() != NodeRole.NODE_ROLE_PROXY) continue;
      if (!node.hasMaxPlayers()) return 0;
      most += Integer.toUnsignedLong(node.getMaxPlayers());
    }
    return most;
  }
}
