package org.cloudburstmc.protocol.bedrock.packet;

/** A stub: handles packets. Every method of the real type has a default. */
public interface BedrockPacketHandler {}
