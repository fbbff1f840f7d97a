package kelpie.client;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;

/**
 * The threads on which the program's own code runs. Its handlers run on its executor. Its futures complete on another
 * thread, so that a handler, or the main thread of a server, may wait for one.
 */
final class Programs {
  private final Executor handlers;
  /** The client's own executor of handlers, if the program gave none. */
  private final ExecutorService own;
  private final ExecutorService futures;

  Programs(String name, Executor given) {
    own = given == null ? Executors.newSingleThreadExecutor(Threads.daemons("kelpie-" + name + "-handlers")) : null;
    handlers = given == null ? own : given;
    futures = Executors.newSingleThreadExecutor(Threads.daemons("kelpie-" + name + "-futures"));
  }

  /** Runs a function of the program. False if its executor refuses it. */
  boolean run(Runnable function) {
    try {
      handlers.execute(function);
      return true;
    } catch (RuntimeException refused) {
      return false;
    }
  }

  <T> void settle(CompletableFuture<T> future, T value) {
    complete(() -> future.complete(value));
  }

  void fail(CompletableFuture<?> future, KelpieException error) {
    complete(() -> future.completeExceptionally(error));
  }

  /** Completes several futures in one task. */
  void complete(Runnable completion) {
    try {
      futures.execute(completion);
    } catch (RejectedExecutionException ended) {
      completion.run();
    }
  }

  /** A future for the program that completes as a future of the client does. */
  <T> CompletableFuture<T> handOver(CompletableFuture<T> inner) {
    CompletableFuture<T> outer = new CompletableFuture<>();
    inner.whenComplete(
        (value, thrown) -> {
          if (thrown == null) settle(outer, value);
          else fail(outer, Errors.fromThrown(thrown));
        });
    return outer;
  }

  /** Ends the threads of the client after the tasks that they have. */
  void shutdown() {
    futures.shutdown();
    if (own != null) own.shutdown();
  }
}
