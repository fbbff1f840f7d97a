package dev.waterdog.waterdogpe.event.defaults;

import dev.waterdog.waterdogpe.player.ProxiedPlayer;
import java.util.Collection;

/** A stub: somebody queries the proxy. */
public class ProxyQueryEvent extends ProxyPingEvent {
  public ProxyQueryEvent(Collection<ProxiedPlayer> players, int maximumPlayerCount) {
    super(players, maximumPlayerCount);
  }
}
