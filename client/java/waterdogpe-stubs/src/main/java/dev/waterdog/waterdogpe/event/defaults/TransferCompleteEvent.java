package dev.waterdog.waterdogpe.event.defaults;

import dev.waterdog.waterdogpe.event.AsyncEvent;
import dev.waterdog.waterdogpe.network.serverinfo.ServerInfo;
import dev.waterdog.waterdogpe.player.ProxiedPlayer;

/** A stub: a player has moved to another server, and their client has acknowledged it. */
@AsyncEvent
public class TransferCompleteEvent extends PlayerEvent {
  private final ServerInfo target;

  public TransferCompleteEvent(ProxiedPlayer player, ServerInfo target) {
    super(player);
    this.target = target;
  }

  public ServerInfo getTargetServer() {
    return target;
  }
}
