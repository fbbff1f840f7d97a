package dev.waterdog.waterdogpe.network.serverinfo;

import dev.waterdog.waterdogpe.Stub;
import java.net.InetSocketAddress;

/** A stub of the servers behind the proxy. */
public class ServerInfoMap {
  public ServerInfo createServerInfo(
      String serverName, InetSocketAddress address, InetSocketAddress publicAddress, ServerInfoType serverType) {
    throw new Stub();
  }
}
