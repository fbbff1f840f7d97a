package kelpie.waterdogpe.harness;

import dev.waterdog.waterdogpe.plugin.Plugin;
import dev.waterdog.waterdogpe.plugin.PluginAccess;
import dev.waterdog.waterdogpe.utils.config.Configuration;
import java.net.MalformedURLException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import kelpie.client.ConnectOptions;
import kelpie.client.KelpieClient;
import kelpie.client.Roster;
import kelpie.v1.Node;
import kelpie.v1.NodeRole;
import kelpie.v1.Player;
import kelpie.v1.PlayerRef;
import org.apache.logging.log4j.LogManager;

/** A network for tests: a coordinator, proxies with the plugin, servers, and a desk that looks and acts. */
public final class Network implements AutoCloseable {
  private static final String MAIN = "kelpie.waterdogpe.KelpiePlugin";
  private static final int SECONDS = 20;
  /** All proxies of a version load the plugin once: its thousands of classes take most of the time of a start. */
  private static final Map<Version, PluginJar> JARS =
      Arrays.stream(Version.values()).collect(Collectors.toMap(version -> version, Network::jar));

  private final Kelpied kelpied;
  private final List<AutoCloseable> all = new ArrayList<>();
  /** A service that reads the whole network. */
  public final KelpieClient desk;

  public Network() throws Exception {
    kelpied = Kelpied.start();
    desk =
        KelpieClient.connect(
            ConnectOptions.builder("desk", NodeRole.NODE_ROLE_SERVICE)
                .endpoints(kelpied.endpoint)
                .rosterPlayers(true)
                .build());
    desk.ready().get(SECONDS, TimeUnit.SECONDS);
  }

  private static PluginJar jar(Version version) {
    try {
      return PluginJar.ofThisBuild(version, PluginJar.cache());
    } catch (MalformedURLException impossible) {
      throw new IllegalStateException(impossible);
    }
  }

  /** A proxy that has started, and that the network shows as ready. */
  public HarnessProxy proxy(Version version, String name, String... more) throws Exception {
    HarnessProxy proxy = prepared(version, name, more);
    started(proxy, name);
    return proxy;
  }

  /** Starts a proxy. */
  public void started(HarnessProxy proxy, String name) throws Exception {
    proxy.start();
    until(
        () ->
            desk.roster().node(name).map(Node::getState).map(state -> state.name().equals("NODE_STATE_READY")).orElse(false));
  }

  /** A proxy that has not started. {@code more}: keys and values of the plugin's config. */
  public HarnessProxy prepared(Version version, String name, String... more) throws Exception {
    Map<String, Object> values = new HashMap<>();
    values.put("name", name);
    values.put("endpoints", List.of(kelpied.endpoint));
    for (int at = 0; at < more.length; at += 2) values.put(more[at], valueOf(more[at + 1]));
    Plugin plugin = JARS.get(version).plugin(MAIN);
    HarnessProxy proxy = new HarnessProxy(version, plugin);
    Path folder = Files.createTempDirectory("kelpie-waterdogpe");
    PluginAccess.surround(plugin, proxy, LogManager.getLogger(name), folder.toFile(), new Config(values));
    all.add(proxy);
    return proxy;
  }

  /** As YAML reads it. */
  private static Object valueOf(String text) {
    if (text.equals("true") || text.equals("false")) return Boolean.valueOf(text);
    return text.matches("[0-9]+") ? (Object) Integer.valueOf(text) : text;
  }

  /** The plugin's config.yml. */
  private static final class Config extends Configuration {
    private final Map<String, Object> values;

    Config(Map<String, Object> values) {
      this.values = values;
    }

    @Override
    public Object get(String key) {
      return values.get(key);
    }
  }

  /** A server of the network. */
  public KelpieClient server(String name) throws Exception {
    return server(name, options -> options);
  }

  /** A server that no proxy can connect to. */
  public KelpieClient hiddenServer(String name) throws Exception {
    return added(ConnectOptions.builder(name, NodeRole.NODE_ROLE_DOWNSTREAM).endpoints(kelpied.endpoint));
  }

  /** A server of the network. */
  public KelpieClient server(String name, UnaryOperator<ConnectOptions.Builder> more) throws Exception {
    ConnectOptions.Builder options =
        ConnectOptions.builder(name, NodeRole.NODE_ROLE_DOWNSTREAM)
            .endpoints(kelpied.endpoint)
            .address("127.0.0.1", 19133);
    return added(more.apply(options));
  }

  private KelpieClient added(ConnectOptions.Builder options) throws Exception {
    KelpieClient server = KelpieClient.connect(options.build());
    all.add(server);
    server.ready().get(SECONDS, TimeUnit.SECONDS);
    return server;
  }

  /** Kills the coordinator. */
  public void killCoordinator() throws Exception {
    kelpied.close();
  }

  /** The player whom the network shows online; empty if there is none. */
  public Optional<Player> online(HarnessPlayer player) {
    String id = player.getXuid().isEmpty() ? player.getUniqueId().toString() : player.getXuid();
    return desk.roster().player(id);
  }

  /** Waits until the network shows the player on this server. */
  public Player awaitOn(HarnessPlayer player, String server) throws Exception {
    until(() -> online(player).map(Player::getServer).orElse("nowhere").equals(server));
    return online(player).orElseThrow();
  }

  /** Waits until the network does not show the player any more. */
  public void awaitGone(HarnessPlayer player) throws Exception {
    until(() -> online(player).isEmpty());
  }

  /** The presence of a player. */
  public PlayerRef ref(HarnessPlayer player) {
    Player row = online(player).orElseThrow();
    return PlayerRef.newBuilder().setPlayerId(row.getId()).setGeneration(row.getGeneration()).build();
  }

  /** Waits until a proxy has a server of this name. */
  public static void awaitServer(HarnessProxy proxy, String name) throws Exception {
    until(() -> proxy.getServerInfo(name) != null);
  }

  /** Waits until the player's screen shows a line that begins so. */
  public static String awaitScreen(HarnessPlayer player, String begin) throws Exception {
    until(() -> player.screen.stream().anyMatch(line -> line.startsWith(begin)));
    return player.screen.stream().filter(line -> line.startsWith(begin)).findFirst().orElseThrow();
  }

  /** Waits with a deadline. */
  public static void until(BooleanSupplier holds) throws Exception {
    long end = System.nanoTime() + Duration.ofSeconds(SECONDS).toNanos();
    while (!holds.getAsBoolean()) {
      if (System.nanoTime() > end) throw new AssertionError("it did not come true in " + SECONDS + " s");
      TimeUnit.MILLISECONDS.sleep(10);
    }
  }

  /** The roster of the desk. */
  public Roster roster() {
    return desk.roster();
  }

  /** Stops the proxies and servers, and waits until the network has none of them. */
  public void clear() throws Exception {
    for (int at = all.size() - 1; at >= 0; at--) all.get(at).close();
    all.clear();
    until(() -> desk.roster().nodes().size() == 1);
  }

  @Override
  public void close() throws Exception {
    // Without their coordinator the others end without a goodbye.
    for (int at = all.size() - 1; at >= 0; at--) all.get(at).close();
    desk.close();
    kelpied.close();
  }
}
