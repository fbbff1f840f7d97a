package kelpie.waterdogpe;

import dev.waterdog.waterdogpe.network.protocol.handler.PluginPacketHandler;
import dev.waterdog.waterdogpe.player.ProxiedPlayer;
import java.time.Duration;
import org.cloudburstmc.protocol.bedrock.PacketDirection;
import org.cloudburstmc.protocol.bedrock.packet.BedrockPacket;
import org.cloudburstmc.protocol.common.PacketSignal;

/** One connection of a player, from their login to its end. {@link Sessions} changes its state, under its lock. */
final class PlayerSession implements PluginPacketHandler {
  /** The states, in their order. */
  enum State {
    /** The coordinator has not answered. */
    ASKING,
    /** The login is granted. */
    GRANTED,
    /** The player is reported as online. */
    JOINED,
    /** The connection is over, or the plugin ends it. */
    ENDED
  }

  final ProxiedPlayer player;
  final String id;
  State state = State.ASKING;
  /** The generation of the grant. 0: there is none, since no coordinator has decided, or since it has lapsed. */
  long generation;
  /** When the login was granted, by System.nanoTime. */
  long grantedNanos;
  /** The plugin kicked the player. */
  boolean kicked;
  /** How often the connection was found dead without an event of its end. */
  int missed;
  /** The server that the ticket of a transfer names; empty if there is none. */
  volatile String ticketServer = "";

  private volatile long heardNanos = System.nanoTime();

  PlayerSession(ProxiedPlayer player, String id) {
    this.player = player;
    this.id = id;
  }

  /** How long ago the player's client sent a packet. */
  Duration silence() {
    return Duration.ofNanos(System.nanoTime() - heardNanos);
  }

  /** Sees each packet of the player, on the thread of their connection. */
  @Override
  public PacketSignal handlePacket(BedrockPacket packet, PacketDirection direction) {
    if (direction == PacketDirection.SERVER_BOUND) heardNanos = System.nanoTime();
    return PacketSignal.UNHANDLED;
  }
}
