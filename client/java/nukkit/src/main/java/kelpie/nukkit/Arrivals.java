package kelpie.nukkit;

import cn.nukkit.event.EventHandler;
import cn.nukkit.event.EventPriority;
import cn.nukkit.event.Listener;
import cn.nukkit.event.player.PlayerJoinEvent;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import kelpie.client.CommandContext;
import kelpie.client.CommandType;
import kelpie.client.KelpieClient;
import kelpie.v1.ConfirmArrivalCommand;
import kelpie.v1.PrepareArrivalCommand;
import kelpie.v1.TransferTicket;

/**
 * Players who come to this server by a transfer, from the moment when it prepares until they are in its world. All of it
 * belongs to the main thread.
 */
public final class Arrivals implements Listener {
  /** A transfer takes at most 5 min. */
  private static final long LONGEST_NS = TimeUnit.MINUTES.toNanos(6);

  private static final int MOST = 10_000;

  private final KelpiePlugin plugin;
  private final MainThread mainThread;
  private final Map<String, Arrival> byId = new HashMap<>();
  /** Who waits for a player to be in the world. */
  private final Map<String, CompletableFuture<Void>> confirming = new HashMap<>();

  private record Arrival(String fromServer, byte[] context, long sinceNs) {}

  Arrivals(KelpiePlugin plugin, MainThread mainThread) {
    this.plugin = plugin;
    this.mainThread = mainThread;
    KelpieClient client = plugin.client();
    client.handleAsync(
        CommandType.PREPARE_ARRIVAL, (request, context) -> mainThread.call(() -> prepare(request)));
    client.handleAsync(
        CommandType.CONFIRM_ARRIVAL,
        (request, context) -> mainThread.call(() -> confirm(request, context)).thenCompose(there -> there));
    plugin.getServer().getPluginManager().registerEvents(this, plugin);
  }

  private Void prepare(PrepareArrivalCommand request) {
    KelpieArrivalEvent event = new KelpieArrivalEvent(request);
    plugin.getServer().getPluginManager().callEvent(event);
    if (event.isCancelled()) throw new IllegalStateException(event.refusal());
    expect(event.getPlayerId(), event.getFromServer(), event.getContext());
    return null;
  }

  /** A player who joins directly comes with a ticket. */
  void expect(String id, TransferTicket ticket) {
    expect(id, ticket.getFromServer(), ticket.getContext().toByteArray());
  }

  private void expect(String id, String fromServer, byte[] context) {
    long nowNs = System.nanoTime();
    byId.values().removeIf(arrival -> nowNs - arrival.sinceNs > LONGEST_NS);
    if (byId.size() >= MOST) throw new IllegalStateException("too many players are about to come");
    byId.put(id, new Arrival(fromServer, context, nowNs));
  }

  /** The player does not come. */
  void forget(String id) {
    byId.remove(id);
  }

  /** Completes when the player is in a world of this server. */
  private CompletableFuture<Void> confirm(ConfirmArrivalCommand request, CommandContext context) {
    String id = request.getPlayer().getPlayerId();
    boolean there = !byId.containsKey(id) && isHere(id);
    if (there) return CompletableFuture.completedFuture(null);
    CompletableFuture<Void> arrived = confirming.computeIfAbsent(id, one -> new CompletableFuture<>());
    context.cancelled().thenRunAsync(() -> confirming.remove(id, arrived), mainThread);
    return arrived;
  }

  private boolean isHere(String id) {
    return plugin.getServer().getOnlinePlayers().values().stream()
        .anyMatch(player -> player.spawned && plugin.idOf(player).equals(id));
  }

  /** The player is in the world. Other plugins have seen their join before. */
  @EventHandler(priority = EventPriority.MONITOR)
  public void onJoin(PlayerJoinEvent event) {
    String id = plugin.idOf(event.getPlayer());
    Arrival arrival = byId.remove(id);
    if (arrival != null)
      plugin
          .getServer()
          .getPluginManager()
          .callEvent(new KelpieArrivedEvent(event.getPlayer(), arrival.fromServer, arrival.context));
    CompletableFuture<Void> arrived = confirming.remove(id);
    if (arrived != null) arrived.complete(null);
  }
}
