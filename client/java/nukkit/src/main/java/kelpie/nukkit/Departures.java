package kelpie.nukkit;

import cn.nukkit.Player;
import java.util.concurrent.CompletableFuture;
import kelpie.client.CommandType;
import kelpie.client.KelpieClient;
import kelpie.v1.PrepareDepartureCommand;
import kelpie.v1.TransferEndedCommand;

/** Players who leave this server by a transfer. Other plugins take part by events. */
final class Departures {
  private final KelpiePlugin plugin;
  private final MainThread mainThread;
  private final Arrivals arrivals;

  Departures(KelpiePlugin plugin, MainThread mainThread, Arrivals arrivals) {
    this.plugin = plugin;
    this.mainThread = mainThread;
    this.arrivals = arrivals;
  }

  void handle() {
    KelpieClient client = plugin.client();
    client.handleAsync(
        CommandType.PREPARE_DEPARTURE,
        (request, context) -> mainThread.call(() -> prepare(request)).thenCompose(saved -> saved));
    client.handleAsync(
        CommandType.TRANSFER_ENDED, (request, context) -> mainThread.call(() -> end(request)));
  }

  private CompletableFuture<Void> prepare(PrepareDepartureCommand request) {
    String id = request.getPlayer().getPlayerId();
    for (Player player : plugin.getServer().getOnlinePlayers().values()) {
      if (!plugin.idOf(player).equals(id)) continue;
      KelpieDepartureEvent event = new KelpieDepartureEvent(player, request.getToServer(), request.getToProxy());
      plugin.getServer().getPluginManager().callEvent(event);
      if (event.isCancelled()) throw new IllegalStateException("the server does not let the player go now");
      return event.saved();
    }
    // They left by themselves, and nothing is to save.
    return CompletableFuture.completedFuture(null);
  }

  private Void end(TransferEndedCommand request) {
    String id = request.getPlayer().getPlayerId();
    String failure = request.hasError() ? request.getError().getMessage() : null;
    if (failure != null) arrivals.forget(id);
    KelpieTransferEndedEvent event = new KelpieTransferEndedEvent(id, failure);
    plugin.getServer().getPluginManager().callEvent(event);
    return null;
  }
}
