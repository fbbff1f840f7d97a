package dev.waterdog.waterdogpe.network.connection.handler;

import dev.waterdog.waterdogpe.Stub;
import dev.waterdog.waterdogpe.network.serverinfo.ServerInfo;
import dev.waterdog.waterdogpe.player.ProxiedPlayer;

/** A stub: chooses another server for a player who loses theirs. */
public interface IReconnectHandler {
  default ServerInfo getFallbackServer(
      ProxiedPlayer player, ServerInfo oldServer, ReconnectReason reason, String kickMessage) {
    throw new Stub();
  }

  /** WaterdogPE has this method after v2.0.3 only. */
  default ServerInfo getTransferFailureServer(
      ProxiedPlayer player, ServerInfo targetServer, ReconnectReason reason, String kickMessage) {
    throw new Stub();
  }
}
