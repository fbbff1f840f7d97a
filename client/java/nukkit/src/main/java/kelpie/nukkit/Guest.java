package kelpie.nukkit;

import cn.nukkit.Player;
import cn.nukkit.utils.LoginChainData;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** A player who joined this server directly, from their login until they leave. */
final class Guest {
  /** How long a grant lasts. */
  private static final long GRANT_NS = TimeUnit.SECONDS.toNanos(60);

  final Player player;
  final String id;
  /** The generation of their grant. 0: they have none, since no coordinator has decided, or since it has lapsed. */
  private volatile long generation;

  /** When it was granted, by System.nanoTime. */
  volatile long grantedNs;
  /** Main thread only: whether they are in the world. */
  private boolean joined;
  /** Main thread only: whether somebody kicked them. */
  boolean kicked;
  /** Main thread only: completes when the network has stored that they left. */
  CompletableFuture<Void> left = CompletableFuture.completedFuture(null);

  private volatile long heardNs = System.nanoTime();

  Guest(Player player) {
    this(player, PlayerIds.of(player));
  }

  Guest(Player player, String id) {
    this.player = player;
    this.id = id;
  }

  /** The network let them in. Generation 0: no coordinator has decided. */
  void granted(long generation) {
    grantedNs = System.nanoTime();
    this.generation = generation;
  }

  /** They are in the world. The client may have forgotten an old grant by now, and reports them without one then. */
  void join() {
    joined = true;
    if (System.nanoTime() - grantedNs > GRANT_NS) generation = 0;
  }

  /** Whether they are in the world. */
  boolean joined() {
    return joined;
  }

  /**
   * Whether an eviction of this generation is about them, and not about an older connection of the same player. Main
   * thread only.
   */
  boolean isMeantBy(long evicted) {
    // A login without a grant is in no list of the network yet, so nobody evicts it.
    return generation == 0 ? joined : generation <= evicted;
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
