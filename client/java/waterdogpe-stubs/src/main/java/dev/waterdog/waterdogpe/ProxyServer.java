package dev.waterdog.waterdogpe;

import dev.waterdog.waterdogpe.command.CommandSender;
import dev.waterdog.waterdogpe.event.EventManager;
import dev.waterdog.waterdogpe.network.connection.handler.IForcedHostHandler;
import dev.waterdog.waterdogpe.network.connection.handler.IJoinHandler;
import dev.waterdog.waterdogpe.network.connection.handler.IReconnectHandler;
import dev.waterdog.waterdogpe.network.serverinfo.ServerInfo;
import dev.waterdog.waterdogpe.network.serverinfo.ServerInfoMap;
import dev.waterdog.waterdogpe.player.ProxiedPlayer;
import dev.waterdog.waterdogpe.utils.config.proxy.ProxyConfig;
import java.util.Map;
import java.util.UUID;

/** A stub of the proxy. */
public class ProxyServer {
  public boolean isRunning() {
    throw new Stub();
  }

  public Map<UUID, ProxiedPlayer> getPlayers() {
    throw new Stub();
  }

  public boolean registerServerInfo(ServerInfo serverInfo) {
    throw new Stub();
  }

  public ServerInfo removeServerInfo(String serverName) {
    throw new Stub();
  }

  /** Finds the server in any case. Null if there is none. */
  public ServerInfo getServerInfo(String serverName) {
    throw new Stub();
  }

  public ServerInfoMap getServerInfoMap() {
    throw new Stub();
  }

  public EventManager getEventManager() {
    throw new Stub();
  }

  public ProxyConfig getConfiguration() {
    throw new Stub();
  }

  public IJoinHandler getJoinHandler() {
    throw new Stub();
  }

  public void setJoinHandler(IJoinHandler joinHandler) {
    throw new Stub();
  }

  public IReconnectHandler getReconnectHandler() {
    throw new Stub();
  }

  public void setReconnectHandler(IReconnectHandler reconnectHandler) {
    throw new Stub();
  }

  public IForcedHostHandler getForcedHostHandler() {
    throw new Stub();
  }

  public void setForcedHostHandler(IForcedHostHandler forcedHostHandler) {
    throw new Stub();
  }

  public boolean dispatchCommand(CommandSender sender, String message) {
    throw new Stub();
  }
}
