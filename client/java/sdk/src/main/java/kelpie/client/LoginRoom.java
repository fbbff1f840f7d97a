package kelpie.client;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;

/**
 * Bounds the logins that a proxy sends at once. A coordinator refuses logins above its own bound. Here they wait in order
 * instead, so that no login fails only because many come at once. Loop only.
 */
final class LoginRoom {
  /** Half of the contract's limits: a coordinator counts more for a login than its bytes. */
  private static final int LOGINS = 500;

  private static final long BYTES = 4L * 1024 * 1024;

  private record Waiting(int bytes, Runnable go) {}

  private final Deque<Waiting> waiting = new ArrayDeque<>();
  private int logins;
  private long bytes;
  private boolean filling;

  /** Calls {@code ask} now, or when there is room. */
  <T> CompletableFuture<T> run(int size, Supplier<CompletableFuture<T>> ask) {
    CompletableFuture<T> result = new CompletableFuture<>();
    Runnable go = () -> begin(size, ask, result);
    if (full()) waiting.add(new Waiting(size, go));
    else go.run();
    return result;
  }

  private <T> void begin(int size, Supplier<CompletableFuture<T>> ask, CompletableFuture<T> result) {
    logins++;
    bytes += size;
    ask.get()
        .whenComplete(
            (answer, error) -> {
              leave(size);
              if (error == null) result.complete(answer);
              else result.completeExceptionally(error);
            });
  }

  private boolean full() {
    return logins >= LOGINS || bytes >= BYTES;
  }

  private void leave(int size) {
    logins--;
    bytes -= size;
    // A login that fails at once leaves inside this loop: thousands of them must not fill the stack.
    if (filling) return;
    filling = true;
    try {
      while (!full() && !waiting.isEmpty()) waiting.poll().go().run();
    } finally {
      filling = false;
    }
  }
}
