package kelpie.nukkit;

import cn.nukkit.Player;
import cn.nukkit.event.Cancellable;
import cn.nukkit.event.Event;
import cn.nukkit.event.HandlerList;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/**
 * A player is about to leave this server by a transfer. A plugin saves what belongs to them: at once, or with {@link
 * #waitFor}. A plugin that cancels the event, or whose stage fails, keeps them here.
 */
public final class KelpieDepartureEvent extends Event implements Cancellable {
  private static final HandlerList HANDLERS = new HandlerList();

  private final Player player;
  private final String toServer;
  private final String toProxy;
  private final List<CompletionStage<?>> stages = new ArrayList<>();

  KelpieDepartureEvent(Player player, String toServer, String toProxy) {
    this.player = player;
    this.toServer = toServer;
    this.toProxy = toProxy;
  }

  /** For Nukkit. */
  public static HandlerList getHandlers() {
    return HANDLERS;
  }

  /** The player. */
  public Player getPlayer() {
    return player;
  }

  /** The server that the player goes to; empty: nobody has chosen it yet. */
  public String getToServer() {
    return toServer;
  }

  /** The proxy that the player goes to, if it is another one; else empty. */
  public String getToProxy() {
    return toProxy;
  }

  /** The player goes when this stage has completed. The transfer has a deadline: 30 s, unless its issuer set another. */
  public void waitFor(CompletionStage<?> stage) {
    stages.add(stage);
  }

  CompletableFuture<Void> saved() {
    return CompletableFuture.allOf(
        stages.stream().map(CompletionStage::toCompletableFuture).toArray(CompletableFuture[]::new));
  }
}
