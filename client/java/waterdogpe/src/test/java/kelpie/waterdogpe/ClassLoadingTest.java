package kelpie.waterdogpe;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import javax.tools.ToolProvider;
import kelpie.waterdogpe.harness.PluginJar;
import kelpie.waterdogpe.harness.Version;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Plugins share a cache of classes, and each class that one of them has brought is the class of all. */
class ClassLoadingTest {
  /** Another plugin has brought classes of the libraries under their own names, in some other version. */
  @Test
  void thePluginHasItsOwnLibraries(@TempDir Path folder) throws Exception {
    Map<String, Class<?>> cache = PluginJar.cache();
    List<String> names = List.of("com.google.protobuf.ByteString", "io.grpc.Status", "com.google.common.base.Strings");
    PluginJar other = PluginJar.of(jarOf(folder, names), Version.MASTER, cache);
    for (String name : names) other.loadClass(name);
    PluginJar own = PluginJar.ofThisBuild(Version.MASTER, cache);
    own.plugin("kelpie.waterdogpe.KelpiePlugin");
    for (String name : names) {
      assertEquals(own, own.loadClass("kelpie.shaded." + name).getClassLoader(), name);
      // The proxy gives every plugin the class that came first.
      assertEquals(other, own.loadClass(name).getClassLoader(), name);
      assertNotEquals(own.loadClass(name), own.loadClass("kelpie.shaded." + name));
    }
  }

  /** The proxy's own classes come from the proxy: the plugin's jar has no stub, and no gson of its own name. */
  @Test
  void theJarHasNothingOfTheProxy() throws Exception {
    PluginJar own = PluginJar.ofThisBuild(Version.MASTER, PluginJar.cache());
    for (String name : List.of("dev/waterdog/waterdogpe/ProxyServer", "com/google/gson/Gson", "io/grpc/Status"))
      assertEquals(null, own.findResource(name + ".class"), name);
    assertThrows(ClassNotFoundException.class, () -> own.loadClass("io.netty.channel.Channel"));
  }

  /** A jar with empty classes of these names. */
  private static Path jarOf(Path folder, List<String> names) throws IOException {
    Path sources = Files.createDirectories(folder.resolve("src"));
    Path classes = Files.createDirectories(folder.resolve("classes"));
    for (String name : names) {
      int dot = name.lastIndexOf('.');
      String text = "package " + name.substring(0, dot) + "; public class " + name.substring(dot + 1) + " {}";
      Path source = sources.resolve(name.substring(dot + 1) + ".java");
      Files.writeString(source, text);
      int result = ToolProvider.getSystemJavaCompiler().run(null, null, null, "-d", classes.toString(), source.toString());
      assertEquals(0, result, new StringWriter().toString());
    }
    Path jar = folder.resolve("other.jar");
    try (JarOutputStream out = new JarOutputStream(Files.newOutputStream(jar))) {
      for (String name : names) {
        String entry = name.replace('.', '/') + ".class";
        out.putNextEntry(new JarEntry(entry));
        Files.copy(classes.resolve(entry), out);
      }
    }
    return jar;
  }
}
