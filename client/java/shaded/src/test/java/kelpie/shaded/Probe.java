package kelpie.shaded;

import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import kelpie.client.ConnectOptions;
import kelpie.client.KelpieClient;
import kelpie.v1.NodeRole;

/** A plugin: it publishes a line, and returns the line that it received. The test loads it beside the jar. */
public final class Probe implements Callable<String> {
  private static final long WAIT_S = 20;

  private final String endpoint;

  public Probe(String endpoint) {
    this.endpoint = endpoint;
  }

  @Override
  public String call() throws Exception {
    ConnectOptions options =
        ConnectOptions.builder("plugin", NodeRole.NODE_ROLE_DOWNSTREAM).endpoints(endpoint).build();
    CompletableFuture<String> received = new CompletableFuture<>();
    try (KelpieClient client = KelpieClient.connect(options)) {
      client.subscribe("chat.global", event -> received.complete(event.source() + ": " + event.content().orElseThrow()));
      client.ready().get(WAIT_S, TimeUnit.SECONDS);
      client.publish("chat.global", "hello").get(WAIT_S, TimeUnit.SECONDS);
      return received.get(WAIT_S, TimeUnit.SECONDS);
    }
  }
}
