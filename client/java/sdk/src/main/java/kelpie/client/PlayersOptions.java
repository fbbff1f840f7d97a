package kelpie.client;

import java.time.Duration;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;

/** The functions and settings of a proxy that has players, or of a server that players join directly. */
public final class PlayersOptions {
  private static final Duration LONGEST_ACQUIRE = Duration.ofMinutes(1);

  final Consumer<Evicted> onEvicted;
  /** Null: a login elsewhere always wins. */
  final Function<String, Optional<Duration>> verify;
  final boolean openWhenAway;
  final Duration acquireTimeout;
  /** Null: no latencies are reported. */
  final Supplier<Map<String, Integer>> latencies;

  private PlayersOptions(Builder builder) {
    onEvicted = builder.onEvicted;
    verify = builder.verify;
    openWhenAway = builder.openWhenAway;
    acquireTimeout = builder.acquireTimeout;
    latencies = builder.latencies;
  }

  /**
   * Begins the options.
   *
   * @param onEvicted disconnects this player and shows them the text: they logged in elsewhere, their login took too
   *     long, or the coordinator refused them. The client sends no further reports about them. Runs on the executor of
   *     the client
   */
  public static Builder builder(Consumer<Evicted> onEvicted) {
    return new Builder(onEvicted);
  }

  /** Collects the options. */
  public static final class Builder {
    private final Consumer<Evicted> onEvicted;
    private Function<String, Optional<Duration>> verify;
    private boolean openWhenAway = true;
    private Duration acquireTimeout = Duration.ofSeconds(5);
    private Supplier<Map<String, Integer>> latencies;

    private Builder(Consumer<Evicted> onEvicted) {
      this.onEvicted = Objects.requireNonNull(onEvicted, "onEvicted");
    }

    /**
     * Returns how long ago the client of the player with this id was last heard; empty if the player is not there. The
     * coordinator asks when they log in elsewhere, also for players who are logging in here, and waits 0.4 s. Without
     * this function a login elsewhere always wins. Runs on the executor of the client.
     */
    public Builder verify(Function<String, Optional<Duration>> verify) {
      this.verify = verify;
      return this;
    }

    /**
     * Whether the client lets a player in without a decision of a coordinator: none is connected, it cannot store
     * anything (its disk is full, or its Redis is away), or it took too long. Default true. In a maintenance that the
     * roster knows, the client lets in only the allowed players, and players who are in already.
     */
    public Builder openWhenAway(boolean open) {
      openWhenAway = open;
      return this;
    }

    /**
     * How long a coordinator may take for a login, 1 ms to 60 s. Default 5 s: a coordinator waits at most a second for
     * another proxy, and a player's client waits longer than 5 s.
     */
    public Builder acquireTimeout(Duration timeout) {
      if (timeout.toMillis() < 1 || timeout.compareTo(LONGEST_ACQUIRE) > 0)
        throw Errors.outOfRange("acquireTimeout", timeout, "1 ms to 60 s");
      acquireTimeout = timeout;
      return this;
    }

    /**
     * Returns the round-trip times of players in milliseconds, by player id. Called with each heartbeat, on a thread of
     * the client: it must not wait.
     */
    public Builder latencies(Supplier<Map<String, Integer>> latencies) {
      this.latencies = latencies;
      return this;
    }

    /** The options. */
    public PlayersOptions build() {
      return new PlayersOptions(this);
    }
  }
}
