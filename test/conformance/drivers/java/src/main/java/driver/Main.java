package driver;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.CompletableFuture;
import kelpie.client.KelpieClient;
import kelpie.client.KelpieException;

/** The driver of the Java client: see ../../README.md. It uses the public API alone. */
public final class Main {
  private static final PrintStream OUT = new PrintStream(new java.io.FileOutputStream(java.io.FileDescriptor.out), false, StandardCharsets.UTF_8);

  private Main() {}

  static void print(JsonObject line) {
    synchronized (OUT) {
      OUT.println(line);
      OUT.flush();
    }
  }

  static JsonObject errorAs(Throwable thrown) {
    JsonObject error = new JsonObject();
    KelpieException failure = KelpieClient.errorOf(thrown);
    boolean missing = failure.getCause() instanceof UnsupportedOperationException;
    error.addProperty("reason", missing ? "NOT_SUPPORTED" : failure.reason().name());
    error.addProperty("message", failure.getMessage());
    return error;
  }

  private static void answer(int id, JsonObject ok, Throwable thrown) {
    JsonObject line = new JsonObject();
    line.addProperty("id", id);
    if (thrown == null) line.add("ok", ok);
    else line.add("error", errorAs(thrown));
    print(line);
  }

  public static void main(String[] args) throws IOException {
    BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    Driver driver = null;
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      JsonObject request = JsonParser.parseString(line).getAsJsonObject();
      int id = request.get("id").getAsInt();
      try {
        if (request.get("do").getAsString().equals("connect")) {
          driver = new Driver(request);
          answer(id, new JsonObject(), null);
        } else begin(driver, request).whenComplete((ok, thrown) -> answer(id, ok, thrown));
      } catch (RuntimeException thrown) {
        answer(id, null, thrown);
      }
    }
    Runtime.getRuntime().halt(0);
  }

  private static CompletableFuture<JsonObject> begin(Driver driver, JsonObject request) {
    if (driver != null) return driver.act(request);
    if (request.get("do").getAsString().equals("close")) return CompletableFuture.completedFuture(new JsonObject());
    throw new UnsupportedOperationException("no client");
  }
}
