package dev.waterdog.waterdogpe.event.defaults;

import dev.waterdog.waterdogpe.event.AsyncEvent;
import dev.waterdog.waterdogpe.network.connection.handler.ReconnectReason;
import dev.waterdog.waterdogpe.network.serverinfo.ServerInfo;
import dev.waterdog.waterdogpe.player.ProxiedPlayer;

/** A stub: a transfer failed. WaterdogPE has this event after v2.0.3 only. */
@AsyncEvent
public class ServerTransferFailedEvent extends PlayerEvent {
  private final ServerInfo targetServer;
  private final ReconnectReason reason;
  private final String message;

  public ServerTransferFailedEvent(
      ProxiedPlayer player, ServerInfo targetServer, ReconnectReason reason, String message) {
    super(player);
    this.targetServer = targetServer;
    this.reason = reason;
    this.message = message;
  }

  public ServerInfo getTargetServer() {
    return targetServer;
  }

  public ReconnectReason getReason() {
    return reason;
  }

  public String getMessage() {
    return message;
  }
}
