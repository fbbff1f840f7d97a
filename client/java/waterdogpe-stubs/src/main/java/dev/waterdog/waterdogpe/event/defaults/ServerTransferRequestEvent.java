package dev.waterdog.waterdogpe.event.defaults;

import dev.waterdog.waterdogpe.event.CancellableEvent;
import dev.waterdog.waterdogpe.network.serverinfo.ServerInfo;
import dev.waterdog.waterdogpe.player.ProxiedPlayer;

/** A stub: a player is about to move to another server. */
public class ServerTransferRequestEvent extends PlayerEvent implements CancellableEvent {
  private ServerInfo targetServer;

  public ServerTransferRequestEvent(ProxiedPlayer player, ServerInfo targetServer) {
    super(player);
    this.targetServer = targetServer;
  }

  public ServerInfo getTargetServer() {
    return targetServer;
  }

  public void setTargetServer(ServerInfo targetServer) {
    this.targetServer = targetServer;
  }
}
