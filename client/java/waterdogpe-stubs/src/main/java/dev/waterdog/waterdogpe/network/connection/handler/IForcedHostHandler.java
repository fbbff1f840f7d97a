package dev.waterdog.waterdogpe.network.connection.handler;

import dev.waterdog.waterdogpe.network.serverinfo.ServerInfo;
import dev.waterdog.waterdogpe.player.ProxiedPlayer;

/** A stub: chooses the first server of a player by the host that they connected to. */
public interface IForcedHostHandler {
  ServerInfo resolveForcedHost(String domain, ProxiedPlayer player);
}
