package kelpie.nukkit;

import cn.nukkit.Player;
import cn.nukkit.Server;
import cn.nukkit.plugin.PluginBase;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import kelpie.client.ConnectOptions;
import kelpie.client.KelpieClient;
import kelpie.client.KelpieException;

/**
 * Makes this server a node of a Kelpie network. Other plugins get the client by {@code KelpiePlugin.of(server)}. The
 * handlers that they give to the client run on a thread of the client: use {@link #mainThread} for what belongs to the
 * main thread.
 */
public final class KelpiePlugin extends PluginBase {
  private KelpieClient client;
  private MainThread mainThread;
  private Thread atExit;
  private Duration stopTime;
  private DirectPlayers players;

  /** The plugin, if it is enabled and its config works. */
  public static Optional<KelpiePlugin> of(Server server) {
    return server.getPluginManager().getPlugin("Kelpie") instanceof KelpiePlugin plugin && plugin.isEnabled()
        ? Optional.of(plugin)
        : Optional.empty();
  }

  /** The client of this server. It connects by itself, and again after each break. */
  public KelpieClient client() {
    return client;
  }

  /** Runs functions on the main thread of the server, each at a tick. */
  public Executor mainThread() {
    return mainThread;
  }

  /** The id of a player in the network: the XUID, else the UUID. */
  public String idOf(Player player) {
    return PlayerIds.of(player);
  }

  @Override
  public void onEnable() {
    saveDefaultConfig();
    mainThread = new MainThread(this);
    try {
      enable(new Settings(getConfig(), getServer(), getDataFolder().toPath()));
    } catch (KelpieException | IllegalArgumentException fault) {
      getLogger().error("config.yml cannot work: " + fault.getMessage());
      getServer().getPluginManager().disablePlugin(this);
    }
  }

  private void enable(Settings settings) {
    stopTime = settings.stopTime();
    players = settings.directPlayers() ? new DirectPlayers(this, mainThread) : null;
    ConnectOptions.Builder options = settings.options().load(new Load(getServer()));
    if (players != null) options.players(players.options());
    client = KelpieClient.connect(options.build());
    client.onStatus(new StatusLog(getLogger()));
    ConsoleCommands.handle(this, mainThread);
    Arrivals arrivals = new Arrivals(this, mainThread);
    new Departures(this, mainThread, arrivals).handle();
    settings.chatTopic().ifPresent(topic -> new Chat(this, mainThread, topic, settings.chatFormat()).start());
    if (players != null) players.start(client, arrivals);
    // A server that gets SIGTERM ends without onDisable.
    atExit = new Thread(() -> client.close(stopTime), "kelpie-goodbye");
    Runtime.getRuntime().addShutdownHook(atExit);
  }

  /** Says goodbye, so that the network does not wait for this server. The players of this server have left already. */
  @Override
  public void onDisable() {
    if (client == null) return;
    long beganNs = System.nanoTime();
    awaitReports();
    Duration left = stopTime.minusNanos(System.nanoTime() - beganNs);
    if (!client.close(left.isNegative() ? Duration.ZERO : left)) getLogger().warning("the coordinator did not answer the goodbye in time");
    client = null;
    try {
      Runtime.getRuntime().removeShutdownHook(atExit);
    } catch (IllegalStateException exiting) {
      // The hook runs already, and the client ends only once.
    }
  }

  private void awaitReports() {
    if (players == null) return;
    try {
      players.allReported().get(stopTime.toMillis(), TimeUnit.MILLISECONDS);
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
    } catch (ExecutionException | TimeoutException failed) {
      // Each report has its own warning, and the goodbye ends the presence of the rest.
    }
  }
}
