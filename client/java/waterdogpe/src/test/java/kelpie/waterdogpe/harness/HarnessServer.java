package kelpie.waterdogpe.harness;

import dev.waterdog.waterdogpe.network.serverinfo.ServerInfo;
import java.net.InetSocketAddress;

/** A server behind the proxy. Its proxy knows what the server of that name does. */
public final class HarnessServer extends ServerInfo {
  /** What happens when a player is connected to the server. */
  public enum Behaviour {
    ACCEPTS,
    /** The connection fails. */
    REFUSES,
    /** The connection never ends. */
    HANGS
  }

  HarnessServer(String name, InetSocketAddress address, InetSocketAddress publicAddress) {
    super(name, address, publicAddress);
  }
}
