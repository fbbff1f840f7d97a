package dev.waterdog.waterdogpe.plugin;

import dev.waterdog.waterdogpe.ProxyServer;
import dev.waterdog.waterdogpe.utils.config.Configuration;
import java.io.File;
import org.apache.logging.log4j.Logger;

/** A stub of a plugin. */
public abstract class Plugin {
  private ProxyServer proxy;
  private Logger logger;
  private File dataFolder;
  private Configuration config;

  /** Gives the plugin its surroundings. The proxy has another way, which plugins do not see. */
  protected final void surround(ProxyServer proxy, Logger logger, File dataFolder, Configuration config) {
    this.proxy = proxy;
    this.logger = logger;
    this.dataFolder = dataFolder;
    this.config = config;
  }

  public ProxyServer getProxy() {
    return proxy;
  }

  public Logger getLogger() {
    return logger;
  }

  public File getDataFolder() {
    return dataFolder;
  }

  public Configuration getConfig() {
    return config;
  }

  public void onStartup() {}

  public abstract void onEnable();

  public void onDisable() {}
}
