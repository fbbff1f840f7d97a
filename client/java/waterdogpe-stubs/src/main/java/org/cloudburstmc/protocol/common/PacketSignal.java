package org.cloudburstmc.protocol.common;

/** A stub of the result of a packet's handler. */
public enum PacketSignal {
  UNHANDLED,
  HANDLED
}
