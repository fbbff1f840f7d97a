package kelpie.nukkit;

import cn.nukkit.event.Cancellable;
import cn.nukkit.event.Event;
import cn.nukkit.event.HandlerList;
import java.nio.charset.StandardCharsets;
import kelpie.v1.PrepareArrivalCommand;

/**
 * A player is about to come to this server by a transfer. A plugin that cancels the event refuses them: they stay where
 * they are.
 */
public final class KelpieArrivalEvent extends Event implements Cancellable {
  private static final HandlerList HANDLERS = new HandlerList();

  private final PrepareArrivalCommand arrival;
  private String refusal = "the server does not take the player";

  KelpieArrivalEvent(PrepareArrivalCommand arrival) {
    this.arrival = arrival;
  }

  /** For Nukkit. */
  public static HandlerList getHandlers() {
    return HANDLERS;
  }

  /** The id of the player, as {@link KelpiePlugin#idOf} gives it. */
  public String getPlayerId() {
    return arrival.getPlayer().getPlayerId();
  }

  /** The name of the player. */
  public String getPlayerName() {
    return arrival.getPlayerName();
  }

  /** The server that the player comes from; empty: none. */
  public String getFromServer() {
    return arrival.getFromServer();
  }

  /** The context of the transfer; empty if it has none. */
  public byte[] getContext() {
    return arrival.getContext().toByteArray();
  }

  /** The context as text in UTF-8, JSON among it. */
  public String getContextText() {
    return new String(getContext(), StandardCharsets.UTF_8);
  }

  /** Refuses the player. Whoever moves them gets the reason. */
  public void refuse(String reason) {
    refusal = reason;
    setCancelled(true);
  }

  String refusal() {
    return refusal;
  }
}
