package dev.waterdog.waterdogpe.plugin;

import dev.waterdog.waterdogpe.ProxyServer;
import dev.waterdog.waterdogpe.utils.config.Configuration;
import java.io.File;
import org.apache.logging.log4j.Logger;

/** Does what the proxy does with a plugin, for the harness. */
public final class PluginAccess {
  private PluginAccess() {}

  /** Gives the plugin its surroundings. */
  public static void surround(Plugin plugin, ProxyServer proxy, Logger logger, File folder, Configuration config) {
    plugin.surround(proxy, logger, folder, config);
  }
}
