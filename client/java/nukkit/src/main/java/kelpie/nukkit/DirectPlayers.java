package kelpie.nukkit;

import cn.nukkit.Player;
import cn.nukkit.event.EventHandler;
import cn.nukkit.event.EventPriority;
import cn.nukkit.event.Listener;
import cn.nukkit.event.player.PlayerAsyncPreLoginEvent;
import cn.nukkit.event.player.PlayerJoinEvent;
import cn.nukkit.event.player.PlayerKickEvent;
import cn.nukkit.event.player.PlayerPreLoginEvent;
import cn.nukkit.event.player.PlayerQuitEvent;
import cn.nukkit.event.server.DataPacketReceiveEvent;
import cn.nukkit.network.protocol.NetworkStackLatencyPacket;
import java.time.Duration;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import kelpie.client.Acquired;
import kelpie.client.Evicted;
import kelpie.client.KelpieClient;
import kelpie.client.PlayersOptions;
import kelpie.v1.PlayerLeaveReason;

/**
 * The players of a server that they join directly. The network decides about their logins, so that nobody is on two
 * servers at once, and knows where they are.
 */
public final class DirectPlayers implements Listener {
  private static final String AGAIN = "You cannot join right now. Try again soon.";
  private static final String ONLINE = "You are online already.";

  /** The client waits 5 s for a decision, and lets the player in then. */
  private static final long LOGIN_S = 10;

  /** A player whose client sent something in this time is really there. */
  private static final long SILENCE_MS = 2000;

  private static final int TICKS_OF_A_SECOND = 20;

  private final KelpiePlugin plugin;
  private final MainThread mainThread;
  /** The newest connection of each player. */
  private final Map<String, Guest> byId = new ConcurrentHashMap<>();
  /** All connections. Main thread only. */
  private final Map<Player, Guest> byPlayer = new IdentityHashMap<>();
  /** The reports of players who left that the network has not stored yet. */
  private final Set<CompletableFuture<Void>> leaving = ConcurrentHashMap.newKeySet();

  private KelpieClient client;
  private Arrivals arrivals;

  DirectPlayers(KelpiePlugin plugin, MainThread mainThread) {
    this.plugin = plugin;
    this.mainThread = mainThread;
  }

  /** The functions that the client calls. */
  PlayersOptions options() {
    return PlayersOptions.builder(this::evict)
        .verify(id -> Optional.ofNullable(byId.get(id)).map(guest -> Duration.ofMillis(guest.silenceMs())))
        .latencies(this::latencies)
        .build();
  }

  void start(KelpieClient client, Arrivals arrivals) {
    this.client = client;
    this.arrivals = arrivals;
    plugin.getServer().getPluginManager().registerEvents(this, plugin);
    plugin.getServer().getScheduler().scheduleRepeatingTask(plugin, this::probe, TICKS_OF_A_SECOND);
    new PlayerCommands(client, mainThread, byId).handle();
  }

  private Map<String, Integer> latencies() {
    Map<String, Integer> latencies = new HashMap<>();
    byId.forEach((id, guest) -> latencies.put(id, Math.max(0, guest.player.getPing())));
    return latencies;
  }

  /** A client that stands still sends nothing by itself, but it answers. */
  private void probe() {
    for (Guest guest : byPlayer.values()) {
      if (!guest.joined()) continue;
      NetworkStackLatencyPacket probe = new NetworkStackLatencyPacket();
      probe.timestamp = System.currentTimeMillis();
      probe.unknownBool = true;
      guest.player.dataPacket(probe);
    }
  }

  /** Every packet of a client shows that it is there. */
  @EventHandler(priority = EventPriority.LOWEST)
  public void onPacket(DataPacketReceiveEvent event) {
    Guest guest = byPlayer.get(event.getPlayer());
    if (guest != null) guest.heard();
  }

  /**
   * The login begins. Right after this event Nukkit disconnects an older connection of the same player. So a player who is
   * really here is refused now.
   */
  @EventHandler(priority = EventPriority.HIGHEST, ignoreCancelled = true)
  public void onPreLogin(PlayerPreLoginEvent event) {
    Guest guest = new Guest(event.getPlayer());
    Guest older = byId.get(guest.id);
    if (older != null && older.player.isConnected() && older.silenceMs() <= SILENCE_MS) {
      event.setKickMessage(ONLINE);
      event.setCancelled(true);
      return;
    }
    byId.put(guest.id, guest);
    byPlayer.put(event.getPlayer(), guest);
  }

  /** Asks the network, on a thread for logins. */
  @EventHandler(priority = EventPriority.HIGHEST)
  public void onLogin(PlayerAsyncPreLoginEvent event) {
    if (event.getLoginResult() == PlayerAsyncPreLoginEvent.LoginResult.KICK) return;
    Guest guest = byId.get(PlayerIds.of(event.getChainData(), event.getUuid()));
    if (guest == null) return;
    try {
      Acquired acquired = client.players().acquire(guest.facts()).get(LOGIN_S, TimeUnit.SECONDS);
      if (acquired instanceof Acquired.Granted granted) {
        guest.granted(granted.generation());
        granted.ticket().ifPresent(ticket -> event.scheduleSyncAction(server -> arrivals.expect(guest.id, ticket)));
      } else if (acquired instanceof Acquired.Denied denied) {
        event.disAllow(denied.text());
      }
    } catch (Exception failure) {
      plugin.getLogger().warning(guest.player.getName() + " did not get in: " + messageOf(failure));
      event.disAllow(AGAIN);
    }
  }

  /** The player is in the world. */
  @EventHandler(priority = EventPriority.LOWEST)
  public void onJoin(PlayerJoinEvent event) {
    Guest guest = byPlayer.get(event.getPlayer());
    if (guest == null) return;
    guest.join();
    client.players().joined(guest.facts()).whenComplete((nothing, error) -> warn(guest, "join", error));
  }

  /** Somebody kicks the player. Their quit follows. */
  @EventHandler(priority = EventPriority.MONITOR, ignoreCancelled = true)
  public void onKick(PlayerKickEvent event) {
    Guest guest = byPlayer.get(event.getPlayer());
    if (guest != null) guest.kicked = true;
  }

  /** A connection ended, also one that never got in. */
  @EventHandler(priority = EventPriority.MONITOR)
  public void onQuit(PlayerQuitEvent event) {
    Guest guest = byPlayer.remove(event.getPlayer());
    if (guest == null) return;
    byId.remove(guest.id, guest);
    if (guest.joined()) {
      PlayerLeaveReason reason =
          guest.kicked
              ? PlayerLeaveReason.PLAYER_LEAVE_REASON_KICKED
              : PlayerLeaveReason.PLAYER_LEAVE_REASON_QUIT;
      guest.left = client.players().left(guest.id, reason);
    } else if (!byId.containsKey(guest.id)) {
      guest.left = client.players().release(guest.id);
    }
    CompletableFuture<Void> left = guest.left;
    leaving.add(left);
    left.whenComplete(
        (nothing, error) -> {
          leaving.remove(left);
          warn(guest, "leave", error);
        });
  }

  /** Completes when the network has stored that these players left: a goodbye before that would give another reason. */
  CompletableFuture<Void> allReported() {
    return CompletableFuture.allOf(leaving.toArray(CompletableFuture[]::new));
  }

  /** The network does not let the player stay. */
  private void evict(Evicted evicted) {
    mainThread.execute(
        () -> {
          Guest guest = byId.get(evicted.id());
          if (guest != null && guest.isMeantBy(evicted.generation())) guest.player.close("", evicted.text());
        });
  }

  private void warn(Guest guest, String what, Throwable error) {
    if (error == null) return;
    plugin.getLogger().warning("the " + what + " of " + guest.player.getName() + " was not stored: " + messageOf(error));
  }

  private static String messageOf(Throwable error) {
    return KelpieClient.errorOf(error).getMessage();
  }
}
