package dev.waterdog.waterdogpe.event.defaults;

import dev.waterdog.waterdogpe.event.Event;
import dev.waterdog.waterdogpe.player.ProxiedPlayer;
import java.util.Collection;

/** A stub: somebody pings the proxy. */
public class ProxyPingEvent extends Event {
  private Collection<ProxiedPlayer> players;
  private int playerCount = -1;
  private int maximumPlayerCount;

  public ProxyPingEvent(Collection<ProxiedPlayer> players, int maximumPlayerCount) {
    this.players = players;
    this.maximumPlayerCount = maximumPlayerCount;
  }

  public Collection<ProxiedPlayer> getPlayers() {
    return players;
  }

  public void setPlayers(Collection<ProxiedPlayer> players) {
    this.players = players;
  }

  /** A count of 0 that a handler has set counts as not set. */
  public int getPlayerCount() {
    return playerCount > 0 ? playerCount : players.size();
  }

  public void setPlayerCount(int playerCount) {
    this.playerCount = playerCount;
  }

  public int getMaximumPlayerCount() {
    return maximumPlayerCount;
  }

  public void setMaximumPlayerCount(int maximumPlayerCount) {
    this.maximumPlayerCount = maximumPlayerCount;
  }
}
