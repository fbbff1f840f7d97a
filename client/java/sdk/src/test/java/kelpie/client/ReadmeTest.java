package kelpie.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.File;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.tools.Diagnostic;
import javax.tools.DiagnosticCollector;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The code of the manual compiles, with the imports that it shows. */
@Timeout(60)
class ReadmeTest {
  private static final Pattern BLOCK = Pattern.compile("```java\n(.*?)```", Pattern.DOTALL);

  private static final Pattern IMPORTS = Pattern.compile("(?:import [^\n]+\n)*");

  /** A part of a program: its imports, and the inside of a method. */
  private static final String PART =
      """
      %s
      class Part%d {
        void run(kelpie.client.KelpieClient kelpie) throws Exception {
      %s
        }
      }
      """;

  @TempDir Path folder;

  @Test
  void theCodeOfTheManualCompiles() throws Exception {
    compile();
  }

  /** Before the first session a stop is no fault: the reader sees one line about the coordinator, and no trace. */
  @Test
  void theServerOfTheManualStopsBeforeItsFirstSession() throws Exception {
    compile();
    String path = folder + File.pathSeparator + System.getProperty("java.class.path");
    ProcessBuilder command =
        new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin/java").toString(), "-cp", path, "Lobby");
    command.environment().put("KELPIE_ENDPOINTS", "127.0.0.1:" + Kelpied.freePort());
    Process lobby = command.redirectErrorStream(true).start();
    try (BufferedReader output = lobby.inputReader()) {
      List<String> lines = new ArrayList<>();
      // The first line has the time.
      for (String line = output.readLine(); line != null; line = output.readLine()) {
        lines.add(line);
        if (line.contains("no coordinator accepts the node")) lobby.toHandle().destroy();
      }
      assertEquals(2, lines.size(), String.join("\n", lines));
    } finally {
      lobby.destroyForcibly();
    }
  }

  private void compile() throws Exception {
    List<JavaFileObject> sources = new ArrayList<>();
    Matcher blocks = BLOCK.matcher(Files.readString(Path.of("../README.md")));
    while (blocks.find()) sources.add(source(blocks.group(1), sources.size()));
    assertTrue(sources.size() > 8, "the manual has " + sources.size() + " blocks of code");
    JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
    DiagnosticCollector<JavaFileObject> found = new DiagnosticCollector<>();
    List<String> options =
        List.of("-proc:none", "-d", folder.toString(), "-classpath", System.getProperty("java.class.path"));
    compiler.getTask(null, null, found, options, null, sources).call();
    List<String> errors =
        found.getDiagnostics().stream()
            .filter(one -> one.getKind() == Diagnostic.Kind.ERROR)
            .map(Object::toString)
            .toList();
    assertEquals(List.of(), errors);
  }

  private static JavaFileObject source(String code, int number) {
    boolean whole = code.contains("public class Lobby");
    Matcher imports = IMPORTS.matcher(code);
    imports.lookingAt();
    String text = whole ? code : PART.formatted(imports.group(), number, code.substring(imports.end()));
    URI name = URI.create("string:///" + (whole ? "Lobby" : "Part" + number) + ".java");
    return new SimpleJavaFileObject(name, JavaFileObject.Kind.SOURCE) {
      @Override
      public CharSequence getCharContent(boolean ignoreErrors) {
        return text;
      }
    };
  }
}
