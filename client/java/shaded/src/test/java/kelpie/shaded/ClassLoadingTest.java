package kelpie.shaded;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.File;
import java.io.InputStreamReader;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The jar works in a server that has other versions of its libraries, and asks its own class path first. */
class ClassLoadingTest {
  private static final Pattern ENDPOINT = Pattern.compile("\"endpoint\":\"([^\"]+)\"");

  private static Process kelpied;
  private static String endpoint;

  @BeforeAll
  static void startKelpied() throws Exception {
    File main = new File(System.getProperty("kelpie.repository"), "dist/server/main.js");
    kelpied =
        new ProcessBuilder("node", main.getPath(), "--dev", "--port", "0", "--log-level", "error")
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    BufferedReader lines =
        new BufferedReader(new InputStreamReader(kelpied.getInputStream(), StandardCharsets.UTF_8));
    endpoint = CompletableFuture.supplyAsync(() -> endpointIn(lines)).get(20, TimeUnit.SECONDS);
  }

  private static String endpointIn(BufferedReader lines) {
    return lines
        .lines()
        .map(ENDPOINT::matcher)
        .filter(Matcher::find)
        .map(found -> found.group(1))
        .findFirst()
        .orElseThrow(() -> new IllegalStateException("kelpied ended before it was ready"));
  }

  @AfterAll
  static void stopKelpied() {
    if (kelpied != null) kelpied.destroyForcibly();
  }

  /** The jars of a server: other versions of protobuf, Guava, Gson, grpc and Okio, and Netty. */
  private static List<URL> server() throws Exception {
    File[] jars = new File(System.getProperty("kelpie.server")).listFiles((folder, name) -> name.endsWith(".jar"));
    List<URL> urls = new ArrayList<>();
    for (File jar : jars) urls.add(jar.toURI().toURL());
    assertEquals(9, urls.size());
    return urls;
  }

  /** The jar, and the classes of a plugin. */
  private static List<URL> plugin() throws Exception {
    URL classes = Probe.class.getProtectionDomain().getCodeSource().getLocation();
    return List.of(new File(System.getProperty("kelpie.jar")).toURI().toURL(), classes);
  }

  @Test
  void aPluginBesideTheServerPublishesAndReceives() throws Exception {
    ClassLoader platform = ClassLoader.getPlatformClassLoader();
    try (URLClassLoader server = new URLClassLoader(server().toArray(URL[]::new), platform);
        URLClassLoader plugin = new URLClassLoader(plugin().toArray(URL[]::new), server)) {
      publishesAndReceives(plugin);
    }
  }

  @Test
  void onOneClassPathBehindTheServerItDoesTheSame() throws Exception {
    List<URL> all = server();
    all.addAll(plugin());
    try (URLClassLoader loader = new URLClassLoader(all.toArray(URL[]::new), ClassLoader.getPlatformClassLoader())) {
      publishesAndReceives(loader);
    }
  }

  private static void publishesAndReceives(ClassLoader loader) throws Exception {
    for (String name : List.of("com.google.protobuf.Message", "com.google.gson.Gson", "io.grpc.ManagedChannel")) {
      String theirs = jarOf(loader.loadClass(name));
      String ours = jarOf(loader.loadClass("kelpie.shaded." + name));
      assertNotEquals(theirs, ours);
      assertTrue(ours.endsWith(new File(System.getProperty("kelpie.jar")).getName()), ours);
    }
    Class<?> probe = loader.loadClass(Probe.class.getName());
    assertNotEquals(Probe.class, probe);
    Callable<?> plugin = (Callable<?>) probe.getConstructor(String.class).newInstance(endpoint);
    assertEquals("plugin: hello", plugin.call());
  }

  private static String jarOf(Class<?> type) {
    return type.getProtectionDomain().getCodeSource().getLocation().getPath();
  }
}
