package kelpie.waterdogpe;

import dev.waterdog.waterdogpe.event.EventManager;
import dev.waterdog.waterdogpe.event.defaults.ProxyPingEvent;
import dev.waterdog.waterdogpe.event.defaults.ProxyQueryEvent;
import dev.waterdog.waterdogpe.event.defaults.ProxyStartEvent;
import dev.waterdog.waterdogpe.plugin.Plugin;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import kelpie.client.CommandType;
import kelpie.client.KelpieClient;
import kelpie.client.PlayersOptions;
import kelpie.client.Status;
import kelpie.v1.NodeChange;
import kelpie.v1.NodeState;

/** WaterdogPE as a proxy of a Kelpie network. */
public final class KelpiePlugin extends Plugin {
  private static final long SETTLE_SECONDS = 2;
  /** How long onDisable waits until the network has the proxy's goodbye. */
  private static final Duration GOODBYE = Duration.ofSeconds(3);

  private KelpieClient client;
  private Sessions sessions;
  private Transfers transfers;
  /** Null if the config leaves the routes to the proxy. */
  private Routes routes;
  /** Null if the config leaves the servers to the proxy. */
  private ServerDirectory servers;

  private ScheduledExecutorService timer;
  private ExecutorService work;
  private ExecutorService lookups;
  private ExecutorService console;
  /** The proxy listens. */
  private volatile boolean started;

  @Override
  public void onEnable() {
    Settings settings = new Settings(getConfig());
    timer = Executors.newSingleThreadScheduledExecutor(daemons("kelpie-timer"));
    work = Executors.newFixedThreadPool(2, daemons("kelpie-work"));
    // Hosts without an address take seconds each, and no kick waits for them.
    lookups = Executors.newSingleThreadExecutor(daemons("kelpie-lookups"));
    console = Executors.newSingleThreadExecutor(daemons("kelpie-console"));
    client = connect(settings);
    sessions = new Sessions(client.players());
    transfers = new Transfers(getProxy(), sessions, work, timer);
    if (settings.registersServers)
      servers = new ServerDirectory(getProxy(), client.roster(), lookups, line -> getLogger().info(line));
    if (settings.routes) routes = new Routes(getProxy(), client.roster(), sessions, transfers);
    handleCommands();
    listen(settings);
    client.subscribe("nodes.*", event -> settleServers());
    client.onStatus(this::take);
    timer.scheduleWithFixedDelay(this::settle, 0, SETTLE_SECONDS, TimeUnit.SECONDS);
  }

  private KelpieClient connect(Settings settings) {
    Path folder = getDataFolder().toPath();
    PlayersOptions players =
        PlayersOptions.builder(evicted -> sessions.evicted(evicted))
            .verify(this::silenceOf)
            .latencies(this::latencies)
            .openWhenAway(settings.openWhenAway)
            .acquireTimeout(settings.acquireTimeout)
            .build();
    return KelpieClient.connect(
        settings
            .options(folder)
            .players(players)
            .rosterPlayers(true)
            .rosterFile(folder.resolve("roster.bin"))
            .maxPlayers(getProxy().getConfiguration().getMaxPlayerCount())
            .software("WaterdogPE", "")
            .state(NodeState.NODE_STATE_STARTING)
            .logger(line -> getLogger().warn(line))
            .build());
  }

  private void handleCommands() {
    Displays displays = new Displays(sessions);
    client.handleAsync(
        CommandType.KICK_PLAYERS,
        (asked, context) -> CompletableFuture.supplyAsync(() -> displays.kick(asked), work));
    client.handleAsync(
        CommandType.SHOW_MESSAGE,
        (asked, context) -> CompletableFuture.supplyAsync(() -> displays.show(asked), work));
    client.handleAsync(CommandType.TRANSFER_PLAYER, transfers::handle);
    Console lines = new Console(getProxy(), console);
    client.handleAsync(CommandType.RUN_CONSOLE_COMMAND, (asked, context) -> lines.handle(asked));
  }

  private void listen(Settings settings) {
    EventManager events = getProxy().getEventManager();
    new PlayerEvents(client.players(), settings.policy, sessions, transfers, this::fault).subscribe(events);
    events.subscribe(
        ProxyStartEvent.class,
        event -> {
          started = true;
          announce();
        });
    if (!settings.networkCounts) return;
    Counts counts = new Counts(client.name(), client.roster(), client.players());
    // The proxy finds handlers by the event's own class.
    events.subscribe(ProxyPingEvent.class, event -> show(counts, event));
    events.subscribe(ProxyQueryEvent.class, event -> show(counts, event));
  }

  private void show(Counts counts, ProxyPingEvent event) {
    try {
      counts.show(event);
    } catch (RuntimeException fault) {
      fault(fault);
    }
  }

  private void take(Status status) {
    if (status instanceof Status.Connected connected) {
      getLogger().info("connected to {}", connected.endpoint());
      announce();
      settle();
    } else if (status instanceof Status.Disconnected lost && lost.error().isPresent())
      getLogger().warn("no coordinator: {}", lost.error().get().getMessage());
    else if (status instanceof Status.Refused refused) getLogger().warn("refused: {}", refused.error().getMessage());
    else if (status instanceof Status.HandlerFailed failed) fault(failed.error());
    else if (status instanceof Status.Closed closed)
      closed.error().ifPresent(error -> getLogger().error("this proxy has left the network: {}", error.getMessage()));
    else if (!(status instanceof Status.Connecting)) getLogger().info("{}", status);
  }

  /** The proxy takes players, once it listens. */
  private void announce() {
    if (!started) return;
    NodeChange ready = NodeChange.newBuilder().setState(NodeState.NODE_STATE_READY).build();
    // Without a coordinator it fails, and the next connect says it again.
    client.update(ready).exceptionally(none -> null);
  }

  /** Compares what the network has of this proxy with what the proxy has. */
  private void settle() {
    try {
      settleServers();
      sessions.settle(getProxy().getPlayers().values());
    } catch (RuntimeException fault) {
      fault(fault);
    }
  }

  private void settleServers() {
    if (servers != null) servers.settle();
  }

  private Optional<Duration> silenceOf(String id) {
    PlayerSession session = sessions.get(id);
    if (session == null || !session.player.isConnected()) return Optional.empty();
    return Optional.of(session.silence());
  }

  private Map<String, Integer> latencies() {
    Map<String, Integer> latencies = new HashMap<>();
    for (PlayerSession session : sessions.joined()) {
      long ping = session.player.getPing();
      if (ping >= 0) latencies.put(session.id, (int) Math.min(ping, Integer.MAX_VALUE));
    }
    return latencies;
  }

  private void fault(Throwable fault) {
    getLogger().error("a fault of the Kelpie plugin", fault);
  }

  /**
   * The proxy disables plugins first and disconnects its players afterwards. So this says goodbye, which tells the network
   * that all players of the proxy leave, and waits until it is said: the process ends soon.
   */
  @Override
  public void onDisable() {
    if (client == null) return;
    sessions.close();
    transfers.close();
    if (routes != null) routes.close();
    if (!client.close(GOODBYE)) getLogger().warn("no coordinator took the goodbye in time; the network finds out");
    timer.shutdownNow();
    work.shutdownNow();
    lookups.shutdownNow();
    console.shutdown();
  }

  private static ThreadFactory daemons(String name) {
    return task -> {
      Thread thread = new Thread(task, name);
      thread.setDaemon(true);
      return thread;
    };
  }
}
