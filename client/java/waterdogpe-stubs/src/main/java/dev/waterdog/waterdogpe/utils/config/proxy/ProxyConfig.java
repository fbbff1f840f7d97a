package dev.waterdog.waterdogpe.utils.config.proxy;

import dev.waterdog.waterdogpe.Stub;

/** A stub of the proxy's config. */
public class ProxyConfig {
  public int getMaxPlayerCount() {
    throw new Stub();
  }
}
