package kelpie.nukkit;

import cn.nukkit.Player;
import cn.nukkit.event.Event;
import cn.nukkit.event.HandlerList;
import java.nio.charset.StandardCharsets;

/** A player who came by a transfer is in a world of this server, right after their PlayerJoinEvent. */
public final class KelpieArrivedEvent extends Event {
  private static final HandlerList HANDLERS = new HandlerList();

  private final Player player;
  private final String fromServer;
  private final byte[] context;

  KelpieArrivedEvent(Player player, String fromServer, byte[] context) {
    this.player = player;
    this.fromServer = fromServer;
    this.context = context.clone();
  }

  /** For Nukkit. */
  public static HandlerList getHandlers() {
    return HANDLERS;
  }

  /** The player. */
  public Player getPlayer() {
    return player;
  }

  /** The server that the player came from; empty: none. */
  public String getFromServer() {
    return fromServer;
  }

  /** The context of the transfer; empty if it has none. */
  public byte[] getContext() {
    return context.clone();
  }

  /** The context as text in UTF-8, JSON among it. */
  public String getContextText() {
    return new String(context, StandardCharsets.UTF_8);
  }
}
