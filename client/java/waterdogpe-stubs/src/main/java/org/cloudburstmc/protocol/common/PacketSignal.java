package org.cloudburstmc.protocol.common;

/** A stub of the result of a packet's handler. */
public class PacketSignal {
  public static final PacketSignal UNHANDLED = new PacketSignal();
}
