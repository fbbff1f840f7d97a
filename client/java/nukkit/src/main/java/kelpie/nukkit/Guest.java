package kelpie.nukkit;

import cn.nukkit.Player;
import cn.nukkit.utils.LoginChainData;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** A player who joined this server directly, from their login until they leave. */
final class Guest {
  final Player player;
  final String id;
  /** The generation under which the network let them in. 0: no coordinator has decided. */
  volatile long generation;
  /** Main thread only: whether they are in the world. */
  boolean joined;
  /** Main thread only: whether somebody kicked them. */
  boolean kicked;
  /** Main thread only: completes when the network has stored that they left. */
  CompletableFuture<Void> left = CompletableFuture.completedFuture(null);

  private volatile long heardNs = System.nanoTime();

  Guest(Player player) {
    this.player = player;
    this.id = PlayerIds.of(player);
  }

  /** A packet of their client came. */
  void heard() {
    heardNs = System.nanoTime();
  }

  long silenceMs() {
    return TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - heardNs);
  }

  /** The facts that the network stores. */
  kelpie.v1.Player facts() {
    LoginChainData login = player.getLoginChainData();
    return kelpie.v1.Player.newBuilder()
        .setXuid(PlayerIds.xuidOf(login))
        .setUuid(player.getUniqueId().toString())
        .setName(player.getName())
        .setAddress(player.getAddress())
        .setLanguage(login.getLanguageCode() == null ? "" : login.getLanguageCode())
        .build();
  }
}
