package kelpie.waterdogpe.harness;

import com.google.gson.JsonObject;
import dev.waterdog.waterdogpe.ProxyServer;
import dev.waterdog.waterdogpe.command.CommandSender;
import dev.waterdog.waterdogpe.event.EventManager;
import dev.waterdog.waterdogpe.event.defaults.ProxyStartEvent;
import dev.waterdog.waterdogpe.network.connection.handler.IForcedHostHandler;
import dev.waterdog.waterdogpe.network.connection.handler.IJoinHandler;
import dev.waterdog.waterdogpe.network.connection.handler.IReconnectHandler;
import dev.waterdog.waterdogpe.network.connection.handler.ReconnectReason;
import dev.waterdog.waterdogpe.network.serverinfo.ServerInfo;
import dev.waterdog.waterdogpe.network.serverinfo.ServerInfoMap;
import dev.waterdog.waterdogpe.network.serverinfo.ServerInfoType;
import dev.waterdog.waterdogpe.player.ProxiedPlayer;
import dev.waterdog.waterdogpe.plugin.Plugin;
import dev.waterdog.waterdogpe.utils.config.proxy.ProxyConfig;
import dev.waterdog.waterdogpe.utils.types.TextContainer;
import java.net.InetSocketAddress;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.BiFunction;

/**
 * Plays WaterdogPE for the plugin, as its public source describes it: threads, order and traps of the version. Players
 * are {@link HarnessPlayer}s; the thread of their connections is {@link #loop}.
 */
public final class HarnessProxy extends ProxyServer implements AutoCloseable {
  /** The name of the thread of all connections. It must never wait. */
  static final String LOOP = "netty-loop";

  public final Version version;
  public final HarnessEvents events;
  /** The thread of the players' connections. */
  public final ExecutorService loop = Executors.newSingleThreadExecutor(task -> new Thread(task, LOOP));
  /** What the harness saw that the proxy would not survive. */
  public final List<String> faults = new CopyOnWriteArrayList<>();
  /** The commands of the proxy, by their first word. */
  public final Map<String, BiFunction<CommandSender, String, Boolean>> commands = new ConcurrentHashMap<>();

  /** The forced hosts of config.yml. */
  public final Map<String, ServerInfo> forcedHosts = new ConcurrentHashMap<>();

  final Map<UUID, HarnessPlayer> players = new ConcurrentHashMap<>();
  private final Map<String, ServerInfo> servers = new ConcurrentSkipListMap<>(String.CASE_INSENSITIVE_ORDER);
  /** The servers of the proxy's own config.yml, in their order: priorities. */
  private final List<String> priorities = new CopyOnWriteArrayList<>();

  private final Map<String, HarnessServer.Behaviour> behaviours = new ConcurrentHashMap<>();

  private final Plugin plugin;
  private volatile IJoinHandler joins;
  private volatile IReconnectHandler fallbacks;
  private volatile IForcedHostHandler hosts = (domain, player) -> forcedHosts.get(domain);
  private volatile boolean running = true;

  /** {@code plugin} has its surroundings already, apart from the proxy. */
  public HarnessProxy(Version version, Plugin plugin) {
    this.version = version;
    this.plugin = plugin;
    events = new HarnessEvents(version);
  }

  /** A server of config.yml. */
  public ServerInfo configServer(String name, int port) {
    InetSocketAddress address = new InetSocketAddress("127.0.0.1", port);
    ServerInfo server = new HarnessServer(name, address, null);
    servers.put(name, server);
    priorities.add(name);
    return server;
  }

  /** Sets what the server of this name does from now on. */
  public void behave(String name, HarnessServer.Behaviour behaviour) {
    behaviours.put(name, behaviour);
  }

  HarnessServer.Behaviour behaviourOf(ServerInfo server) {
    return behaviours.getOrDefault(server.getServerName(), HarnessServer.Behaviour.ACCEPTS);
  }

  /** Starts as the proxy does: onStartup, the handlers of config.yml, onEnable, and then the listener. */
  void start() {
    plugin.onStartup();
    joins = player -> priorities.isEmpty() ? null : getServerInfo(priorities.get(0));
    fallbacks = new PriorityFallback();
    plugin.onEnable();
    events.call(new ProxyStartEvent()).join();
  }

  /** The proxy's own choice: the next one of config.yml. */
  private final class PriorityFallback implements IReconnectHandler {
    @Override
    public ServerInfo getFallbackServer(
        ProxiedPlayer player, ServerInfo oldServer, ReconnectReason reason, String message) {
      int index = oldServer == null ? -1 : priorities.indexOf(oldServer.getServerName());
      if (oldServer == null) return priorities.isEmpty() ? null : getServerInfo(priorities.get(0));
      return index == -1 || index + 1 >= priorities.size() ? null : getServerInfo(priorities.get(index + 1));
    }
  }

  /** A player connects. */
  public HarnessPlayer login(String name, String xuid) {
    return login(new HarnessPlayer(this, name, xuid, UUID.nameUUIDFromBytes((name + xuid).getBytes()), new JsonObject()));
  }

  /** A player connects. */
  public HarnessPlayer login(HarnessPlayer player) {
    // The proxy keeps players by UUID: an older connection ends first.
    HarnessPlayer older = players.remove(player.getUniqueId());
    if (older != null && older.isConnected()) older.disconnect(new TextContainer("logged in elsewhere"));
    players.put(player.getUniqueId(), player);
    player.begin();
    return player;
  }

  /** A server of this name dies or kicks its players. */
  public void serverFails(String name, String reason) {
    for (HarnessPlayer player : List.copyOf(players.values()))
      if (player.getServerInfo() != null && player.getServerInfo().getServerName().equals(name))
        player.lostServer(reason);
  }

  /** Stops as the proxy does: plugins first, players afterwards. */
  public void shutdown() {
    running = false;
    plugin.onDisable();
    for (HarnessPlayer player : List.copyOf(players.values())) player.disconnect(new TextContainer("Proxy stopped"));
  }

  @Override
  public void close() {
    if (running) shutdown();
    events.close();
    loop.shutdownNow();
  }

  /** A fault if the calling thread is the one of all connections. */
  void mustNotBeLoop(String what) {
    if (Thread.currentThread().getName().equals(LOOP)) faults.add(what + " on the thread of the connections");
  }

  @Override
  public boolean isRunning() {
    return running;
  }

  @Override
  public Map<UUID, ProxiedPlayer> getPlayers() {
    return Collections.unmodifiableMap(players);
  }

  @Override
  public boolean registerServerInfo(ServerInfo serverInfo) {
    return servers.putIfAbsent(serverInfo.getServerName(), serverInfo) == null;
  }

  @Override
  public ServerInfo removeServerInfo(String serverName) {
    return servers.remove(serverName);
  }

  @Override
  public ServerInfo getServerInfo(String serverName) {
    return servers.get(serverName);
  }

  @Override
  public ServerInfoMap getServerInfoMap() {
    return new ServerInfoMap() {
      @Override
      public ServerInfo createServerInfo(
          String name, InetSocketAddress address, InetSocketAddress publicAddress, ServerInfoType type) {
        // Its constructor resolves the host.
        mustNotBeLoop("createServerInfo");
        return new HarnessServer(name, address, publicAddress);
      }
    };
  }

  @Override
  public EventManager getEventManager() {
    return events;
  }

  @Override
  public ProxyConfig getConfiguration() {
    return new ProxyConfig() {
      @Override
      public int getMaxPlayerCount() {
        return 20;
      }
    };
  }

  @Override
  public IJoinHandler getJoinHandler() {
    return joins;
  }

  @Override
  public void setJoinHandler(IJoinHandler joinHandler) {
    joins = joinHandler;
  }

  @Override
  public IReconnectHandler getReconnectHandler() {
    return fallbacks;
  }

  @Override
  public void setReconnectHandler(IReconnectHandler reconnectHandler) {
    fallbacks = reconnectHandler;
  }

  @Override
  public IForcedHostHandler getForcedHostHandler() {
    return hosts;
  }

  @Override
  public void setForcedHostHandler(IForcedHostHandler forcedHostHandler) {
    hosts = forcedHostHandler;
  }

  @Override
  public boolean dispatchCommand(CommandSender sender, String message) {
    if (message.trim().isEmpty()) return false;
    BiFunction<CommandSender, String, Boolean> command = commands.get(message.split(" ")[0]);
    if (command != null) return command.apply(sender, message);
    // v2.0.3 prints nothing.
    if (version == Version.MASTER) sender.sendMessage("Unknown command");
    return false;
  }
}
