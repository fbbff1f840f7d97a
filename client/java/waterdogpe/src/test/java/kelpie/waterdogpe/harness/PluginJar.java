package kelpie.waterdogpe.harness;

import dev.waterdog.waterdogpe.plugin.Plugin;
import java.io.File;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Loads plugins as the proxy does: parent-first from the proxy's own classes, then from a cache of classes that all
 * plugins share, then from the plugin. The proxy's classes are the stubs, gson and log4j: other classes of the tests' class
 * path stay hidden.
 */
public final class PluginJar extends URLClassLoader {
  private static final List<String> OF_THE_PROXY =
      List.of("java.", "javax.", "jdk.", "sun.", "dev.waterdog.", "org.cloudburstmc.", "com.google.gson.", "org.apache.logging.");

  private final Map<String, Class<?>> shared;

  private PluginJar(URL[] urls, Version version, Map<String, Class<?>> shared) {
    super(urls, new ProxyClasses(version));
    this.shared = shared;
  }

  /** The plugin of this build: its jar, or its class path while the build has no jar yet. */
  public static PluginJar ofThisBuild(Version version, Map<String, Class<?>> shared) throws MalformedURLException {
    String jar = System.getProperty("kelpie.plugin", "");
    String path = jar.isEmpty() ? System.getProperty("java.class.path") : jar;
    URL[] urls =
        Arrays.stream(path.split(File.pathSeparator))
            .map(
                entry -> {
                  try {
                    return Path.of(entry).toUri().toURL();
                  } catch (MalformedURLException impossible) {
                    throw new IllegalStateException(impossible);
                  }
                })
            .toArray(URL[]::new);
    return new PluginJar(urls, version, shared);
  }

  /** Any other plugin. */
  public static PluginJar of(Path jar, Version version, Map<String, Class<?>> shared) throws MalformedURLException {
    return new PluginJar(new URL[] {jar.toUri().toURL()}, version, shared);
  }

  /** An empty cache. */
  public static Map<String, Class<?>> cache() {
    return new ConcurrentHashMap<>();
  }

  /** A new plugin of this class. */
  public Plugin plugin(String main) throws ReflectiveOperationException {
    return (Plugin) loadClass(main).getDeclaredConstructor().newInstance();
  }

  @Override
  protected Class<?> findClass(String name) throws ClassNotFoundException {
    Class<?> other = shared.get(name);
    if (other != null) return other;
    Class<?> own = super.findClass(name);
    shared.putIfAbsent(name, own);
    return own;
  }

  /** The proxy's own classes, without those that the version does not have. */
  private static final class ProxyClasses extends ClassLoader {
    private final Version version;

    ProxyClasses(Version version) {
      super(PluginJar.class.getClassLoader());
      this.version = version;
    }

    @Override
    protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
      boolean newer = version == Version.V2_0_3 && name.endsWith(".ServerTransferFailedEvent");
      if (newer || OF_THE_PROXY.stream().noneMatch(name::startsWith)) throw new ClassNotFoundException(name);
      return super.loadClass(name, resolve);
    }

    @Override
    public URL getResource(String name) {
      return null;
    }

    @Override
    public java.util.Enumeration<URL> getResources(String name) {
      return java.util.Collections.emptyEnumeration();
    }
  }
}
