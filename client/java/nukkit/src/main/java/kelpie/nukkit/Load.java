package kelpie.nukkit;

import cn.nukkit.Server;
import java.util.function.Supplier;
import kelpie.v1.NodeLoad;

/** How busy this server is. The client asks with each heartbeat, on its own thread. */
final class Load implements Supplier<NodeLoad> {
  private final Server server;

  Load(Server server) {
    this.server = server;
  }

  @Override
  public NodeLoad get() {
    Runtime java = Runtime.getRuntime();
    return NodeLoad.newBuilder()
        .setTps(server.getTicksPerSecondAverage())
        .setMemoryUsedBytes(java.totalMemory() - java.freeMemory())
        .setMemoryMaxBytes(java.maxMemory())
        .build();
  }
}
