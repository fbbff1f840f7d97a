package kelpie.shaded;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import org.junit.jupiter.api.Test;

/** What stands in the jar. */
class JarTest {
  private static final File JAR = new File(System.getProperty("kelpie.jar"));

  /** The API, the messages of the contract, and what they need. */
  private static final List<String> OURS = List.of("kelpie/client/", "kelpie/v1/", "kelpie/shaded/");

  private static List<String> files() throws IOException {
    try (JarFile jar = new JarFile(JAR)) {
      return jar.stream().filter(entry -> !entry.isDirectory()).map(JarEntry::getName).toList();
    }
  }

  @Test
  void noClassStandsOutsideOurPackages() throws IOException {
    List<String> foreign =
        files().stream()
            .filter(name -> !name.startsWith("META-INF/"))
            .filter(name -> OURS.stream().noneMatch(name::startsWith))
            .toList();
    assertEquals(List.of(), foreign);
    assertTrue(files().contains("kelpie/client/KelpieClient.class"));
    assertTrue(files().contains("kelpie/shaded/com/google/protobuf/Message.class"));
  }

  @Test
  void servicesAreNamedAndFoundUnderOurPackages() throws IOException {
    List<String> services = files().stream().filter(name -> name.startsWith("META-INF/services/")).toList();
    assertFalse(services.isEmpty());
    try (JarFile jar = new JarFile(JAR)) {
      for (String service : services) {
        assertTrue(service.startsWith("META-INF/services/kelpie.shaded."), service);
        String text = new String(jar.getInputStream(jar.getEntry(service)).readAllBytes(), StandardCharsets.UTF_8);
        for (String line : text.lines().map(String::strip).filter(name -> !name.isEmpty()).toList()) {
          assertTrue(line.startsWith("kelpie.shaded."), line);
          assertTrue(jar.getEntry(line.replace('.', '/') + ".class") != null, "the jar lacks " + line);
        }
      }
    }
  }

  @Test
  void nothingElseStandsInIt() throws IOException {
    List<String> others =
        files().stream()
            .filter(name -> !name.endsWith(".class") && !name.startsWith("META-INF/services/"))
            .filter(name -> !name.equals("META-INF/MANIFEST.MF") && !name.startsWith("META-INF/licenses/"))
            .toList();
    assertEquals(List.of(), others);
    System.out.printf("%s has %,d bytes%n", JAR.getName(), JAR.length());
  }
}
