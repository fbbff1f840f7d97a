package kelpie.client;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import kelpie.v1.NodeRole;

/** A real coordinator in a process of its own. */
final class Kelpied implements AutoCloseable {
  private static final Path REPOSITORY = Path.of(System.getProperty("kelpie.repository", "../../.."));
  private static final Pattern ENDPOINT = Pattern.compile("\"endpoint\":\"([^\"]+)\"");

  final String endpoint;
  private final Process process;

  private Kelpied(Process process, String endpoint) {
    this.process = process;
    this.endpoint = endpoint;
  }

  /** Everything in memory, on a free port. */
  static Kelpied dev(String... options) throws Exception {
    List<String> all = new ArrayList<>(List.of("--dev", "--log-level", "error"));
    all.addAll(List.of(options));
    return start(all);
  }

  /** On a port, with its journal in a folder, so that another process may go on with it. */
  static Kelpied in(Path data, int port, String... options) throws Exception {
    List<String> all =
        new ArrayList<>(
            List.of("--data", data.toString(), "--port", "" + port, "--metrics-port", "off", "--log-format", "json"));
    all.addAll(List.of(options));
    return start(all);
  }

  private static Kelpied start(List<String> options) throws Exception {
    List<String> command = new ArrayList<>(List.of("node", REPOSITORY.resolve("dist/server/main.js").toString()));
    command.addAll(options);
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    CompletableFuture<String> endpoint = new CompletableFuture<>();
    Thread reader = new Thread(() -> read(process, endpoint), "kelpied");
    reader.setDaemon(true);
    reader.start();
    try {
      return new Kelpied(process, endpoint.get(20, TimeUnit.SECONDS));
    } catch (ExecutionException | TimeoutException failed) {
      process.destroyForcibly();
      throw failed;
    }
  }

  private static void read(Process process, CompletableFuture<String> endpoint) {
    try (BufferedReader lines =
        new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        Matcher found = ENDPOINT.matcher(line);
        if (found.find() && !endpoint.isDone()) endpoint.complete(found.group(1));
        else if (line.contains("\"error\"") || !line.startsWith("{")) System.err.println(line);
      }
    } catch (IOException ended) {
      // Below.
    }
    endpoint.completeExceptionally(new IllegalStateException("kelpied ended before it was ready"));
  }

  /** Runs a command of kelpied to its end, and returns what it printed. */
  static String run(String... arguments) throws Exception {
    List<String> command = new ArrayList<>(List.of("node", REPOSITORY.resolve("dist/server/main.js").toString()));
    command.addAll(List.of(arguments));
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    if (process.waitFor() != 0) throw new IllegalStateException(output);
    return output.trim();
  }

  /** A port that is free now. */
  static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0)) {
      return socket.getLocalPort();
    }
  }

  /** Options of a node of this coordinator. */
  ConnectOptions.Builder node(String name) {
    return ConnectOptions.builder(name, NodeRole.NODE_ROLE_SERVICE).endpoints(endpoint);
  }

  /** A client of this coordinator that is ready. */
  KelpieClient ready(String name) throws Exception {
    KelpieClient client = KelpieClient.connect(node(name).build());
    client.ready().get(10, TimeUnit.SECONDS);
    return client;
  }

  /** Kills the process at once. */
  void kill() throws InterruptedException {
    process.destroyForcibly().waitFor();
  }

  /** Asks the process to stop, and waits for it. */
  void stop() throws InterruptedException {
    process.destroy();
    process.waitFor(20, TimeUnit.SECONDS);
  }

  @Override
  public void close() throws InterruptedException {
    kill();
  }
}
