package dev.waterdog.waterdogpe.network.protocol.user;

import dev.waterdog.waterdogpe.Stub;

/** A stub of the device of a player. The real type is an enum. */
public class Platform {
  public String getName() {
    throw new Stub();
  }
}
