package dev.waterdog.waterdogpe.event.defaults;

import dev.waterdog.waterdogpe.event.AsyncEvent;
import dev.waterdog.waterdogpe.player.ProxiedPlayer;

/** A stub: a player is on their first server. */
@AsyncEvent
public class InitialServerConnectedEvent extends PlayerEvent {
  public InitialServerConnectedEvent(ProxiedPlayer player) {
    super(player);
  }
}
