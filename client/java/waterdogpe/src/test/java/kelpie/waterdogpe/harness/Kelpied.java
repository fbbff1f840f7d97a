package kelpie.waterdogpe.harness;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A real coordinator in a process of its own, with everything in memory. */
public final class Kelpied implements AutoCloseable {
  private static final Path REPOSITORY = Path.of(System.getProperty("kelpie.repository", "../../.."));
  private static final Pattern ENDPOINT = Pattern.compile("\"endpoint\":\"([^\"]+)\"");

  public final String endpoint;
  private final Process process;

  private Kelpied(Process process, String endpoint) {
    this.process = process;
    this.endpoint = endpoint;
  }

  /** On a free port. */
  public static Kelpied start() throws Exception {
    String main = REPOSITORY.resolve("dist/server/main.js").toString();
    Process process =
        new ProcessBuilder("node", main, "--dev", "--log-level", "error")
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    CompletableFuture<String> endpoint = new CompletableFuture<>();
    Thread reader = new Thread(() -> read(process, endpoint), "kelpied");
    reader.setDaemon(true);
    reader.start();
    try {
      return new Kelpied(process, endpoint.get(30, TimeUnit.SECONDS));
    } catch (TimeoutException late) {
      process.destroyForcibly();
      throw late;
    }
  }

  private static void read(Process process, CompletableFuture<String> endpoint) {
    try (BufferedReader lines =
        new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        Matcher found = ENDPOINT.matcher(line);
        if (found.find()) endpoint.complete(found.group(1));
      }
    } catch (IOException ended) {
      // Below.
    }
    endpoint.completeExceptionally(new IllegalStateException("kelpied ended before it was ready"));
  }

  @Override
  public void close() throws InterruptedException {
    process.destroyForcibly().waitFor();
  }
}
