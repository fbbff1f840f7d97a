package kelpie.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

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
import org.junit.jupiter.api.io.TempDir;

/** The code of the manual compiles. */
class ReadmeTest {
  private static final Pattern BLOCK = Pattern.compile("```java\n(.*?)```", Pattern.DOTALL);

  /** A part of a program, which has these names. */
  private static final String PART =
      """
      import com.google.common.util.concurrent.ListenableFuture;
      import java.nio.file.Path;
      import java.time.Duration;
      import java.util.*;
      import kelpie.client.*;
      import kelpie.v1.ConsoleOutput;
      import kelpie.v1.GetNodeRequest;
      import kelpie.v1.GetNodeResponse;
      import kelpie.v1.Node;
      import kelpie.v1.NodeRole;
      import kelpie.v1.NodeSelector;
      import kelpie.v1.Player;
      import kelpie.v1.RunConsoleCommand;

      class Part%d {
        void run(KelpieClient kelpie) throws Exception {
      %s
        }
      }
      """;

  @TempDir Path folder;

  @Test
  void theCodeOfTheManualCompiles() throws Exception {
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
    String text = whole ? code : PART.formatted(number, code);
    URI name = URI.create("string:///" + (whole ? "Lobby" : "Part" + number) + ".java");
    return new SimpleJavaFileObject(name, JavaFileObject.Kind.SOURCE) {
      @Override
      public CharSequence getCharContent(boolean ignoreErrors) {
        return text;
      }
    };
  }
}
