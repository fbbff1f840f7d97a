package dev.waterdog.waterdogpe.utils.config;

import dev.waterdog.waterdogpe.Stub;

/** A stub of a plugin's config. */
public abstract class Configuration {
  /** Null if the key is not there. */
  public Object get(String key) {
    throw new Stub();
  }
}
