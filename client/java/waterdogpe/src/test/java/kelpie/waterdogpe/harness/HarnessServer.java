package kelpie.waterdogpe.harness;

import dev.waterdog.waterdogpe.network.serverinfo.ServerInfo;
import java.net.InetSocketAddress;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** A server behind the proxy. Its behaviour is that of the server of its name, whoever made the object. */
public final class HarnessServer extends ServerInfo {
  /** What happens when a player is connected to the server. */
  public enum Behaviour {
    ACCEPTS,
    /** The connection fails. */
    REFUSES,
    /** The connection never ends. */
    HANGS
  }

  private static final Map<String, Behaviour> BEHAVIOURS = new ConcurrentHashMap<>();

  HarnessServer(String name, InetSocketAddress address, InetSocketAddress publicAddress) {
    super(name, address, publicAddress);
  }

  /** Sets what all servers of this name do from now on. */
  public static void behave(String name, Behaviour behaviour) {
    BEHAVIOURS.put(name, behaviour);
  }

  Behaviour behaviour() {
    return BEHAVIOURS.getOrDefault(getServerName(), Behaviour.ACCEPTS);
  }
}
