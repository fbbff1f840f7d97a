package org.cloudburstmc.protocol.bedrock;

/** A stub of the direction of a packet. */
public enum PacketDirection {
  CLIENT_BOUND,
  SERVER_BOUND
}
