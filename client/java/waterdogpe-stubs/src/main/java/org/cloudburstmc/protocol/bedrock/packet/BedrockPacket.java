package org.cloudburstmc.protocol.bedrock.packet;

/** A stub of a packet. */
public interface BedrockPacket {}
