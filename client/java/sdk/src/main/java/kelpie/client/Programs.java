package kelpie.client;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * The threads on which the program's own code runs. Its handlers run on its executor. Its futures complete on another
 * thread, so that a handler, or the main thread of a server, may wait for one.
 */
final class Programs {
  /** That of the program; null if it gave none. */
  private final Executor given;
  /** The client's own executor of handlers. Without a function it has no thread. */
  private final ExecutorService own;
  private final ExecutorService futures;

  Programs(String name, Executor given) {
    this.given = given;
    own = Executors.newSingleThreadExecutor(Threads.daemons("kelpie-" + name + "-handlers"));
    futures = Executors.newSingleThreadExecutor(Threads.daemons("kelpie-" + name + "-futures"));
  }

  /** Runs a function of the program. False if its executor refuses it. */
  boolean run(Runnable function) {
    try {
      if (given == null) own.execute(function);
      else give(function);
      return true;
    } catch (RuntimeException refused) {
      return false;
    }
  }

  /**
   * Gives the function to the program's executor. If that calls it within {@code execute}, as {@code Runnable::run} does,
   * and a pool with CallerRunsPolicy while it is full, it goes on to the client's own thread: a handler that waits would
   * stop the whole client.
   */
  private void give(Runnable function) {
    Thread caller = Thread.currentThread();
    AtomicBoolean within = new AtomicBoolean(true);
    try {
      given.execute(
          () -> {
            if (within.get() && Thread.currentThread() == caller) own.execute(function);
            else function.run();
          });
    } finally {
      within.set(false);
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
    own.shutdown();
  }
}
