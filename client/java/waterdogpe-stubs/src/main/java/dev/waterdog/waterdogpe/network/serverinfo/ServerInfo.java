package dev.waterdog.waterdogpe.network.serverinfo;

import java.net.InetSocketAddress;

/** A stub of a server behind the proxy. */
public abstract class ServerInfo {
  private final String serverName;
  private final InetSocketAddress address;
  private final InetSocketAddress publicAddress;

  /** The real constructor resolves the host, after v2.0.3. */
  protected ServerInfo(String serverName, InetSocketAddress address, InetSocketAddress publicAddress) {
    this.serverName = serverName;
    this.address = address;
    this.publicAddress = publicAddress == null ? address : publicAddress;
  }

  public String getServerName() {
    return serverName;
  }

  public InetSocketAddress getAddress() {
    return address;
  }

  public InetSocketAddress getPublicAddress() {
    return publicAddress;
  }
}
