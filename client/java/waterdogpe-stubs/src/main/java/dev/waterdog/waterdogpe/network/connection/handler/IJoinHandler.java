package dev.waterdog.waterdogpe.network.connection.handler;

import dev.waterdog.waterdogpe.network.serverinfo.ServerInfo;
import dev.waterdog.waterdogpe.player.ProxiedPlayer;

/** A stub: chooses the first server of a player. */
public interface IJoinHandler {
  ServerInfo determineServer(ProxiedPlayer player);
}
