package kelpie.nukkit;

import cn.nukkit.Player;
import cn.nukkit.event.player.PlayerKickEvent;
import cn.nukkit.network.protocol.TransferPacket;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import kelpie.client.CommandType;
import kelpie.client.KelpieClient;
import kelpie.client.PlayerFailure;
import kelpie.v1.KickPlayersCommand;
import kelpie.v1.PlayerRef;
import kelpie.v1.ShowMessageCommand;
import kelpie.v1.TransferPlayerCommand;

/** The commands of the network for players who joined this server directly. */
final class PlayerCommands {
  private final KelpieClient client;
  private final MainThread mainThread;
  private final Map<String, Guest> byId;

  PlayerCommands(KelpieClient client, MainThread mainThread, Map<String, Guest> byId) {
    this.client = client;
    this.mainThread = mainThread;
    this.byId = byId;
  }

  void handle() {
    client.handleAsync(
        CommandType.KICK_PLAYERS,
        (request, context) -> mainThread.call(() -> kick(request)).thenCompose(failures -> failures));
    client.handleAsync(CommandType.SHOW_MESSAGE, (request, context) -> mainThread.call(() -> show(request)));
    client.handleAsync(CommandType.TRANSFER_PLAYER, (request, context) -> mainThread.call(() -> transfer(request)));
  }

  /** Completes when the network has stored that they left. */
  private CompletableFuture<List<PlayerFailure>> kick(KickPlayersCommand request) {
    List<PlayerFailure> failures = new ArrayList<>();
    List<CompletableFuture<Void>> left = new ArrayList<>();
    for (PlayerRef ref : request.getPlayersList()) {
      Guest guest = byId.get(ref.getPlayerId());
      if (guest == null) {
        failures.add(new PlayerFailure(ref.getPlayerId(), "the player is not on this server any more"));
      } else if (guest.player.kick(PlayerKickEvent.Reason.UNKNOWN, request.getMessage(), false)) {
        left.add(guest.left);
      } else {
        failures.add(new PlayerFailure(ref.getPlayerId(), "a plugin of the server does not allow the kick"));
      }
    }
    return CompletableFuture.allOf(left.toArray(CompletableFuture[]::new)).thenApply(nothing -> failures);
  }

  private List<PlayerFailure> show(ShowMessageCommand request) {
    List<PlayerFailure> failures = new ArrayList<>();
    for (PlayerRef ref : request.getPlayersList()) {
      Guest guest = byId.get(ref.getPlayerId());
      if (guest == null || !guest.joined())
        failures.add(new PlayerFailure(ref.getPlayerId(), "the player is not on this server any more"));
      else Screens.show(guest.player, request.getDisplay());
    }
    return failures;
  }

  /** Sends the player's client to another address. It leaves by itself, and then the server reports that they left. */
  private Void transfer(TransferPlayerCommand request) {
    Guest guest = byId.get(request.getPlayer().getPlayerId());
    if (guest == null || !guest.joined()) throw new IllegalStateException("the player is not on this server any more");
    if (!request.hasAddress())
      throw new IllegalStateException("players of " + client.name() + " joined it directly: name a proxy, or a server that they can join");
    send(guest.player, request);
    return null;
  }

  /** Nukkit's own function looks the host up, which would block the main thread. */
  private static void send(Player player, TransferPlayerCommand request) {
    TransferPacket packet = new TransferPacket();
    packet.address = request.getAddress().getHost();
    packet.port = request.getAddress().getPort();
    player.dataPacket(packet);
  }
}
