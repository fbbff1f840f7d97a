package dev.waterdog.waterdogpe.event.defaults;

import dev.waterdog.waterdogpe.event.Event;
import dev.waterdog.waterdogpe.player.ProxiedPlayer;

/** A stub of an event of one player. */
public abstract class PlayerEvent extends Event {
  private final ProxiedPlayer player;

  protected PlayerEvent(ProxiedPlayer player) {
    this.player = player;
  }

  public ProxiedPlayer getPlayer() {
    return player;
  }
}
