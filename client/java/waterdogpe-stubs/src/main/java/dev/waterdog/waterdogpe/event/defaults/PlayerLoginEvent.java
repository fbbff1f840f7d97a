package dev.waterdog.waterdogpe.event.defaults;

import dev.waterdog.waterdogpe.event.AsyncEvent;
import dev.waterdog.waterdogpe.event.CancellableEvent;
import dev.waterdog.waterdogpe.player.ProxiedPlayer;

/** A stub of the login of a player. */
@AsyncEvent
public class PlayerLoginEvent extends PlayerEvent implements CancellableEvent {
  private String cancelReason = "Login cancelled";

  public PlayerLoginEvent(ProxiedPlayer player) {
    super(player);
  }

  public String getCancelReason() {
    return cancelReason;
  }

  public void setCancelReason(String cancelReason) {
    this.cancelReason = cancelReason;
  }
}
