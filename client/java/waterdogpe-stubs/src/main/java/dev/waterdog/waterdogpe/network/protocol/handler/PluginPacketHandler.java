package dev.waterdog.waterdogpe.network.protocol.handler;

import org.cloudburstmc.protocol.bedrock.PacketDirection;
import org.cloudburstmc.protocol.bedrock.packet.BedrockPacket;
import org.cloudburstmc.protocol.bedrock.packet.BedrockPacketHandler;
import org.cloudburstmc.protocol.common.PacketSignal;

/** A stub: sees the packets of a player. */
public interface PluginPacketHandler extends BedrockPacketHandler {
  PacketSignal handlePacket(BedrockPacket packet, PacketDirection direction);
}
