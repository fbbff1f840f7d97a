package dev.waterdog.waterdogpe.network.protocol;

import dev.waterdog.waterdogpe.Stub;

/** A stub of the version of a player's client. The real type is an enum. */
public class ProtocolVersion {
  public int getProtocol() {
    throw new Stub();
  }
}
