package kelpie.waterdogpe;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.jar.JarFile;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.spi.ToolProvider;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/**
 * The plugin uses only members that somebody has looked up in WaterdogPE's source: the stubs could have a member that the
 * proxy does not have, and the compiler would not know.
 */
class MembersTest {
  private static final Path LIST =
      Path.of(System.getProperty("kelpie.repository", "../../.."), "client/java/waterdogpe-stubs/members.txt");
  private static final Pattern USED =
      Pattern.compile("// (?:InterfaceMethod|Method|Field) ((?:dev/waterdog|org/cloudburstmc)\\S*)");
  /** Members of the class that the plugin extends have the plugin's own class as their owner. */
  private static final String INHERITED = "dev/waterdog/waterdogpe/plugin/Plugin.get";

  @Test
  void thePluginUsesOnlyListedMembers() throws IOException {
    Set<String> listed = new TreeSet<>();
    for (String line : Files.readAllLines(LIST))
      if (!line.startsWith("#")) listed.add(line.substring(line.lastIndexOf(' ') + 1));
    Set<String> used = used();
    assertTrue(used.size() > 50, "only " + used.size() + " members were found");
    listed.removeIf(member -> member.startsWith(INHERITED));
    assertEquals(String.join("\n", listed), String.join("\n", used));
  }

  @Test
  void onlyTheEventOfAFailedTransferIsMissingInTheLastRelease() throws IOException {
    List<String> newer =
        Files.readAllLines(LIST).stream().filter(line -> line.startsWith("master")).toList();
    assertTrue(newer.stream().allMatch(line -> line.contains("ServerTransferFailedEvent")), newer.toString());
  }

  private static Set<String> used() throws IOException {
    String path = System.getProperty("kelpie.plugin");
    List<String> arguments = new ArrayList<>(List.of("-c", "-p", "-cp", path + ":" + System.getProperty("java.class.path")));
    arguments.addAll(classes(Path.of(path.split(":")[0])));
    StringWriter out = new StringWriter();
    ToolProvider.findFirst("javap")
        .orElseThrow()
        .run(new PrintWriter(out), new PrintWriter(System.err), arguments.toArray(String[]::new));
    Matcher member = USED.matcher(out.toString());
    Set<String> used = new TreeSet<>();
    while (member.find()) used.add(member.group(1));
    return used;
  }

  /** The names of the plugin's own classes. */
  private static List<String> classes(Path plugin) throws IOException {
    if (Files.isDirectory(plugin)) {
      try (var files = Files.list(plugin.resolve("kelpie/waterdogpe"))) {
        return files.map(file -> nameOf("kelpie/waterdogpe/" + file.getFileName())).collect(Collectors.toList());
      }
    }
    try (JarFile jar = new JarFile(plugin.toFile())) {
      return jar.stream()
          .map(entry -> entry.getName())
          .filter(name -> name.startsWith("kelpie/waterdogpe/") && name.endsWith(".class"))
          .map(MembersTest::nameOf)
          .collect(Collectors.toList());
    }
  }

  private static String nameOf(String file) {
    return String.join(".", Arrays.asList(file.replace(".class", "").split("/")));
  }
}
