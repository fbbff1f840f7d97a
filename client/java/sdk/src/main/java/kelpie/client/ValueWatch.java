package kelpie.client;

import java.util.concurrent.CompletableFuture;

/** A watch of shared values that runs. */
public interface ValueWatch extends AutoCloseable {
  /** Completes when the handler got, or is about to get, all values that are there; also at the end of the client. */
  CompletableFuture<Void> loaded();

  /** No further change reaches the handler. Safe to call again, from any thread. */
  @Override
  void close();
}
