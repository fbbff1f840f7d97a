package kelpie.client;

import java.util.concurrent.Executor;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * The one thread that owns the state of a client: its streams, its position, its requests. Everything that the client
 * does itself runs here, one after the other, and never waits. Functions of the program do not run here.
 */
final class Loop implements Executor {
  private final ScheduledThreadPoolExecutor executor;
  private final Consumer<Throwable> onFault;

  /** {@code onFault} gets what a task throws: a fault of the client itself. */
  Loop(String name, Consumer<Throwable> onFault) {
    this.onFault = onFault;
    executor = new ScheduledThreadPoolExecutor(1, Threads.daemons("kelpie-" + name));
    executor.setRemoveOnCancelPolicy(true);
    executor.setExecuteExistingDelayedTasksAfterShutdownPolicy(false);
    // A task that comes after the end has nothing to do any more.
    executor.setRejectedExecutionHandler(new ThreadPoolExecutor.DiscardPolicy());
  }

  @Override
  public void execute(Runnable task) {
    executor.execute(guarded(task));
  }

  /** Runs the task once after this time. The result stops it; it may be called again. */
  Runnable after(long delayMs, Runnable task) {
    ScheduledFuture<?> timer = executor.schedule(guarded(task), delayMs, TimeUnit.MILLISECONDS);
    return () -> timer.cancel(false);
  }

  private Runnable guarded(Runnable task) {
    return () -> {
      try {
        task.run();
      } catch (Throwable fault) {
        onFault.accept(fault);
      }
    };
  }

  /** Milliseconds since a fixed moment. They never decrease. */
  long nowMs() {
    return TimeUnit.NANOSECONDS.toMillis(System.nanoTime());
  }

  /** A number from 0 to below 1. */
  double random() {
    return ThreadLocalRandom.current().nextDouble();
  }

  /** Runs the tasks that are there, and ends the thread. */
  void shutdown() {
    executor.shutdown();
  }
}
