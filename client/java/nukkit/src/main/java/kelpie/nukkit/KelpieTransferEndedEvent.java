package kelpie.nukkit;

import cn.nukkit.event.Event;
import cn.nukkit.event.HandlerList;
import java.util.Optional;

/**
 * A transfer that this server prepared has ended: let go of what you saved for the player, or undo it if the transfer
 * failed. The player may still be here then.
 */
public final class KelpieTransferEndedEvent extends Event {
  private static final HandlerList HANDLERS = new HandlerList();

  private final String playerId;
  private final String failure;

  KelpieTransferEndedEvent(String playerId, String failure) {
    this.playerId = playerId;
    this.failure = failure;
  }

  /** For Nukkit. */
  public static HandlerList getHandlers() {
    return HANDLERS;
  }

  /** The id of the player, as {@link KelpiePlugin#idOf} gives it. */
  public String getPlayerId() {
    return playerId;
  }

  /** Why the transfer failed; empty: the player has arrived. */
  public Optional<String> getFailure() {
    return Optional.ofNullable(failure);
  }
}
