package dev.waterdog.waterdogpe.event.defaults;

import dev.waterdog.waterdogpe.event.AsyncEvent;
import dev.waterdog.waterdogpe.player.ProxiedPlayer;

/** A stub of the end of a player's connection. */
@AsyncEvent
public class PlayerDisconnectedEvent extends PlayerEvent {
  public PlayerDisconnectedEvent(ProxiedPlayer player) {
    super(player);
  }
}
